import * as Dialog from "@radix-ui/react-dialog";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { createLink, fetchLinks, revokeLink, type Link, type LinkFormat } from "../../api/links";
import { dayText, momentText } from "../../format/dates";
import { sortedBy } from "../../state/listView";
import { text } from "../../text";
import { dayAt, offsetNow, type Calendar } from "../../time/clock";
import { Failure } from "../../ui/Failure";
import { useCalendar } from "../window/WithCalendar";
import { EntryAction } from "./EntryActions";
import { AddButton, EntryName, EntryTable, type EntryColumn } from "./EntryTable";
import { ChoiceField, Field, typed } from "./Field";
import { FormDialog, Overlay } from "./FormDialog";
import { linesFor } from "./linkLines";
import { linkWords as words } from "./linkWords";
import type { PartProps } from "./part";
import { useChange } from "./queries";
import { Secret } from "./Secret";

const questions = {
  projects: "/analytics/activity?groupBy=project&range=this-month",
  models: "/analytics/activity?groupBy=model&range=last-30-days",
  members: "/analytics/members?range=this-month",
  keys: "/analytics/keys?range=this-month",
  rollups: "/analytics/export?range=last-90-days",
  other: "",
};
type Question = keyof typeof questions;

function linksQuery(organizationId: string) {
  return queryOptions({
    queryKey: ["links", organizationId],
    queryFn: ({ signal }) => fetchLinks(organizationId, signal),
  });
}

/** Addresses that answer a question by themselves; they are made and revoked here. */
export function Links({ organization }: PartProps) {
  const calendar = useCalendar();
  const links = useQuery(linksQuery(organization.id));
  const [doing, setDoing] = useState<"add" | Link | null>(null);
  const revoke = useChange(revokeLink);
  if (links.error && !links.data) return <Failure error={links.error} onRetry={() => void links.refetch()} />;
  const done = () => setDoing(null);
  return (
    <>
      <p className="muted">{words.lead}</p>
      <EntryTable
        label={words.title}
        columns={columnsFor(calendar)}
        rows={links.data ? sortedBy(links.data, (link) => link.createdAt, true) : null}
        idOf={(link) => link.id}
        textsOf={(link) => [link.question, link.id, link.madeByName]}
        search={words.search}
        none={words.none}
        testId="links-table"
        add={<AddButton label={words.add} onClick={() => setDoing("add")} />}
        actions={(link) => (
          <EntryAction
            icon="trash"
            label={words.revoke}
            full={words.revokeOf(shown(link))}
            onClick={() => setDoing(link)}
            bad
            testId="revoke"
          />
        )}
      />
      {doing === "add" && (
        <NewLink
          organizationId={organization.id}
          timezone={organization.timezone ?? calendar.timezone}
          calendar={calendar}
          onClose={done}
        />
      )}
      {doing !== null && doing !== "add" && (
        <FormDialog
          title={words.revokeTitle}
          lead={words.revokeLead(shown(doing))}
          submit={words.revoke}
          danger
          onClose={done}
          onSubmit={async () => {
            await revoke.mutateAsync(doing.id);
            done();
          }}
        />
      )}
    </>
  );
}

/** Whose it is stands above the table. */
const shown = (link: Link) => link.question.replace(/organizationId=[^&]*&?/, "").replace(/\?$/, "");

function columnsFor(calendar: Calendar): EntryColumn<Link>[] {
  const moment = (at: string | null | undefined) => (
    <span className="muted" title={at ? momentText(at, calendar) : undefined}>
      {at ? dayText(dayAt(at, calendar)) : words.never}
    </span>
  );
  return [
    {
      name: "question",
      label: words.question,
      cell: (link) => <EntryName name={shown(link)} second={link.id} small={words.formats[link.format]} />,
    },
    { name: "format", label: words.format, wideOnly: true, cell: (link) => <span className="tag">{words.formats[link.format]}</span> },
    { name: "status", label: words.status, wideOnly: true, cell: (link) => words.statuses[link.status] },
    {
      name: "created",
      label: words.created,
      wideOnly: true,
      cell: (link) => (
        <EntryName name={dayText(dayAt(link.createdAt, calendar))} second={words.madeBy(link.madeByName ?? link.madeBy)} />
      ),
    },
    { name: "lastUsed", label: words.lastUsed, wideOnly: true, cell: (link) => moment(link.lastUsedAt) },
    { name: "expires", label: words.expires, wideOnly: true, cell: (link) => moment(link.expires) },
  ];
}

interface NewProps {
  organizationId: string;
  timezone: string;
  calendar: Calendar;
  onClose: () => void;
}

function NewLink({ organizationId, timezone, calendar, onClose }: NewProps) {
  const [question, setQuestion] = useState<Question>("projects");
  const create = useChange(createLink);
  if (create.data) return <Created url={create.data.url} format={create.variables.format} onClose={onClose} />;
  return (
    <FormDialog
      title={words.add}
      submit={words.add}
      onClose={onClose}
      onSubmit={(values) => {
        const day = typed(values, "expires");
        return create.mutateAsync({
          organizationId,
          question: question === "other" ? (typed(values, "path") ?? "") : inZone(questions[question], timezone),
          format: typed(values, "format") as LinkFormat,
          // The zone's offset of today will do: it is a date on which somebody is to look again.
          expires: day && `${day}T00:00:00${offsetNow(calendar)}`,
        });
      }}
    >
      <ChoiceField
        name="question"
        label={words.question}
        choices={(Object.keys(questions) as Question[]).map((one) => ({ value: one, label: words.questions[one] }))}
        value={question}
        onChange={setQuestion}
      />
      {question === "other" && <Field name="path" label={words.path} hint={words.pathHint} required />}
      <ChoiceField
        key={question}
        name="format"
        label={words.format}
        hint={question === "other" ? words.parquetOnly : undefined}
        choices={formatsOf(question).map((one) => ({ value: one, label: words.formats[one] }))}
        value="csv"
      />
      <Field name="expires" label={words.expires} hint={words.expiresHint} type="date" />
    </FormDialog>
  );
}

/** A file of all usage is no JSON, and a table no Parquet; what another question is, only the server knows. */
function formatsOf(question: Question): LinkFormat[] {
  if (question === "other") return ["csv", "json", "parquet"];
  return question === "rollups" ? ["csv", "parquet"] : ["csv", "json"];
}

const inZone = (question: string, timezone: string) => `${question}&${new URLSearchParams({ timezone })}`;

/** The only time that the address is on a screen: closing this forgets it. */
function Created({ url, format, onClose }: { url: string; format: LinkFormat; onClose: () => void }) {
  return (
    <Overlay title={words.createdTitle} lead={words.once} onClose={onClose}>
      <div className="form">
        <Secret label={words.address} value={url} testId="link-address" />
        {linesFor(url, format).map(({ where, code }) => (
          <Secret key={where} label={words[where]} value={code} testId={`link-${where}`} />
        ))}
        <div className="dialog-actions">
          <Dialog.Close className="button button-primary" data-testid="secret-done">
            {text.administration.done}
          </Dialog.Close>
        </div>
      </div>
    </Overlay>
  );
}
