import { queryOptions, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { endOtherSessions, endSession, fetchSessions, type Session } from "../../api/account";
import type { Me } from "../../api/types";
import { dayText, momentText } from "../../format/dates";
import { sortedBy } from "../../state/listView";
import { text } from "../../text";
import { dayAt, type Calendar } from "../../time/clock";
import { Failure } from "../../ui/Failure";
import { EntryAction } from "../administration/EntryActions";
import { EntryName, EntryTable, type EntryColumn } from "../administration/EntryTable";
import { FormDialog } from "../administration/FormDialog";
import { useChange } from "../administration/queries";
import { useTitle } from "../useTitle";
import { useCalendar } from "../window/WithCalendar";
import { accountWords as words } from "./words";
import "../administration/administration.css";
import "../parts/page.css";

const sessionsQuery = queryOptions({ queryKey: ["sessions"], queryFn: ({ signal }) => fetchSessions(signal) });

/** Where somebody is signed in: their own, and for an operator everybody's. */
export default function SessionsPage({ me }: { me: Me }) {
  const calendar = useCalendar();
  const operates = me.kind === "operator";
  useTitle(words.sessions, text.product);
  const sessions = useQuery(sessionsQuery);
  const [doing, setDoing] = useState<"others" | Session | null>(null);
  const done = () => setDoing(null);
  const end = useChange(endSession);
  const endOthers = useChange(endOtherSessions);
  if (sessions.error && !sessions.data) return <Failure error={sessions.error} onRetry={() => void sessions.refetch()} />;
  return (
    <div className="page" data-testid="sessions" data-busy={sessions.isPending}>
      <header className="page-header">
        <div className="page-heading">
          <h1>{words.sessions}</h1>
          <p className="muted page-lead">{operates ? words.leadOperator : words.lead}</p>
        </div>
      </header>
      <EntryTable
        label={words.sessions}
        columns={columnsFor(calendar, operates)}
        rows={sessions.data ? sortedBy(sessions.data, (one) => one.openedAt ?? "", true) : null}
        idOf={(one) => one.id}
        textsOf={(one) => [one.userName, one.userId, one.program, one.from, one.issuer, one.id]}
        search={words.search}
        none={text.lists.none}
        testId="sessions-table"
        add={
          <button type="button" className="button" onClick={() => setDoing("others")} data-testid="end-others">
            {words.endOthers}
          </button>
        }
        actions={(one) =>
          !one.current && (
            <EntryAction
              icon="signOut"
              label={words.end}
              full={words.endOf(placeOf(one))}
              onClick={() => setDoing(one)}
              bad
              testId="end-session"
            />
          )
        }
      />
      {doing === "others" && (
        <FormDialog
          title={words.endOthersTitle}
          lead={words.endOthersLead}
          submit={words.endOthers}
          danger
          onClose={done}
          onSubmit={async () => {
            await endOthers.mutateAsync(undefined);
            done();
          }}
        />
      )}
      {doing !== null && doing !== "others" && (
        <FormDialog
          title={words.endTitle}
          lead={words.endLead(placeOf(doing))}
          submit={words.end}
          danger
          onClose={done}
          onSubmit={async () => {
            await end.mutateAsync(doing.id);
            done();
          }}
        />
      )}
    </div>
  );
}

const placeOf = (one: Session) => one.program ?? `${words.browser}, ${one.from ?? words.unknown}`;
const whoseOf = (one: Session) => one.userName ?? one.userId ?? words.operator;

function columnsFor(calendar: Calendar, operates: boolean): EntryColumn<Session>[] {
  const dayOf = (at: string | null | undefined) => (at ? dayText(dayAt(at, calendar)) : words.unknown);
  const moment = (at: string | null | undefined) => (
    <span className="muted" title={at ? momentText(at, calendar) : undefined}>
      {dayOf(at)}
    </span>
  );
  const inShort = (one: Session) => [operates ? whoseOf(one) : null, dayOf(one.lastUsedAt)].filter(Boolean).join(" · ");
  const whose: EntryColumn<Session> = { name: "whose", label: words.whose, wideOnly: true, cell: whoseOf };
  return [
    {
      name: "place",
      label: words.place,
      cell: (one) => (
        <EntryName name={placeOf(one)} second={[one.issuer, one.id].filter(Boolean).join(" · ")} small={inShort(one)}>
          {one.current ? (
            <>
              <span className="truncate">{placeOf(one)}</span>
              <span className="tag">{words.current}</span>
            </>
          ) : null}
        </EntryName>
      ),
    },
    ...(operates ? [whose] : []),
    { name: "opened", label: words.opened, wideOnly: true, cell: (one) => moment(one.openedAt) },
    { name: "lastUsed", label: words.lastUsed, wideOnly: true, cell: (one) => moment(one.lastUsedAt) },
    { name: "ends", label: words.ends, wideOnly: true, cell: (one) => moment(one.expiresAt) },
  ];
}
