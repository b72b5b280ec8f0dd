import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { closeMonth, reopenMonth, type Closing, type Statement } from "../../api/closings";
import { calendarQuery, closingsQuery, statementQuery } from "../../api/queries";
import type { Me, Organization } from "../../api/types";
import { momentText, monthText } from "../../format/dates";
import { readsRecords } from "../../state/access";
import { readClosingView, writeClosingView } from "../../state/closingView";
import { text } from "../../text";
import type { Calendar } from "../../time/clock";
import { Failure } from "../../ui/Failure";
import { FormDialog } from "../administration/FormDialog";
import { useChange } from "../administration/queries";
import { Answer } from "../parts/Answer";
import { Guarded } from "../parts/Guarded";
import { PageBones } from "../parts/PageBones";
import { analyticsPath } from "../routes";
import { useAddress } from "../useAddress";
import { useTitle } from "../useTitle";
import { Checklist } from "./Checklist";
import { chosenMonth, monthRows, type MonthRow } from "./months";
import { MonthTiles } from "./MonthTiles";
import { StatementCard } from "./StatementCard";
import "../administration/administration.css";
import "../lists/lists.css";
import "../parts/page.css";
import "./closing.css";

const words = text.closing;
const spelling = { read: readClosingView, write: writeClosingView };

interface Props {
  me: Me;
  organization: Organization;
}

export default function ClosingPage({ me, organization }: Props) {
  useTitle(words.title, organization.name);
  return (
    <Guarded me={me} organization={organization} title={words.title}>
      <Known me={me} organization={organization} />
    </Guarded>
  );
}

/** Months are those of the organization, whatever zone the reader looks in. */
function Known({ me, organization }: Props) {
  const calendar = useQuery(calendarQuery(organization.timezone ?? "UTC"));
  const closings = useQuery(closingsQuery(organization.id));
  const failed = [calendar, closings].find(({ error, data }) => error && !data);
  if (failed) return <Failure error={failed.error} onRetry={() => void failed.refetch()} />;
  if (!calendar.data || !closings.data) return <PageBones />;
  return <Months me={me} organization={organization} calendar={calendar.data} closings={closings.data} />;
}

/** How each month stands, and the statement of one. */
function Months({ me, organization, calendar, closings }: Props & { calendar: Calendar; closings: Closing[] }) {
  const [view, change] = useAddress(spelling);
  const [asking, setAsking] = useState<"close" | "reopen" | null>(null);
  const done = () => setAsking(null);
  const { today, timezone: zone } = calendar;
  const rows = useMemo(() => monthRows(today, closings), [today, closings]);
  const month = chosenMonth(view.month, today);
  const row = rows.find((one) => one.month === month) ?? { month, isOver: true, closing: null };
  const question = { organizationId: organization.id, month, groupBy: view.by, disclosure: view.disclosure };
  const query = useQuery(statementQuery(question));
  const statement = query.data ?? null;
  const close = useChange(() => closeMonth({ organizationId: organization.id, month, timezone: zone }));
  const reopen = useChange(reopenMonth);
  const name = monthText(`${month}-01`);
  return (
    <div className="page" data-testid="closing" data-busy={query.isPending || query.isPlaceholderData}>
      <header className="page-header">
        <div className="page-heading">
          <div className="page-title">
            <h1 className="truncate">{words.title}</h1>
          </div>
          <p className="muted page-lead">{words.lead(zone)}</p>
        </div>
      </header>
      <MonthTiles rows={rows} chosen={month} calendar={calendar} onChoose={(month) => change({ month })} />
      <section className="card chosen-month" aria-labelledby="chosen-month" data-testid="chosen-month">
        <div>
          <h2 id="chosen-month">
            {name} <span className="tag">{row.closing ? words.closed : words.draft}</span>
          </h2>
          <p>{standing(row, calendar)}</p>
          {statement && <Before statement={statement} calendar={calendar} />}
        </div>
        {row.closing ? (
          <button type="button" className="button" onClick={() => setAsking("reopen")} data-testid="reopen">
            {words.reopen}
          </button>
        ) : (
          row.isOver && (
            <button
              type="button"
              className="button button-primary"
              onClick={() => setAsking("close")}
              data-testid="close"
            >
              {words.close}
            </button>
          )
        )}
      </section>
      {row.isOver && !row.closing && (
        <Checklist
          organization={organization}
          month={month}
          zone={zone}
          seesIntake={readsRecords(me.kind, organization)}
        />
      )}
      <Answer query={query} away={{ href: analyticsPath(organization.id), label: text.errors.home }}>
        <StatementCard
          question={question}
          zone={row.closing?.timezone ?? zone}
          statement={statement}
          onChange={change}
        />
      </Answer>
      {asking === "close" && (
        <FormDialog
          title={words.closeTitle(name)}
          lead={words.closeLead}
          submit={words.close}
          onClose={done}
          onSubmit={async () => {
            await close.mutateAsync(undefined);
            done();
          }}
        />
      )}
      {asking === "reopen" && row.closing && (
        <FormDialog
          title={words.reopenTitle(name)}
          lead={words.reopenLead}
          submit={words.reopen}
          danger
          onClose={done}
          onSubmit={async () => {
            await reopen.mutateAsync(row.closing!.id);
            done();
          }}
        />
      )}
    </div>
  );
}

function standing({ isOver, closing }: MonthRow, calendar: Calendar): string {
  if (closing) return words.isClosed(momentText(closing.closedAt, calendar), closing.closedBy);
  return isOver ? words.isDraft : words.isRunning;
}

/** That a month was closed before is no secret, and says why a statement that was handed over may differ. */
function Before({ statement, calendar }: { statement: Statement; calendar: Calendar }) {
  return statement.reopened.map((before) => (
    <p key={before.closingId} className="muted" data-testid="reopened">
      {words.wasClosed(momentText(before.closedAt, calendar), before.closedBy)}{" "}
      {words.wasReopened(momentText(before.reopenedAt, calendar), before.reopenedBy)}
    </p>
  ));
}
