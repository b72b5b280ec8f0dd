import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { decisionLogQuery, type LoggedDecision } from "../../api/decisions";
import type { Organization } from "../../api/types";
import { count } from "../../format/counts";
import { dayText, hourText } from "../../format/dates";
import { Failure } from "../../ui/Failure";
import { EntryName, EntryTable, type EntryColumn } from "../administration/EntryTable";
import { budgetWords as words } from "./words";

/** Which calls were refused in the last days, or would have been, and why. */
export function DecisionsSection({ organization }: { organization: Organization }) {
  const log = useInfiniteQuery(decisionLogQuery(organization.id, organization.timezone ?? "UTC"));
  const rows = useMemo(() => log.data?.pages.flatMap((page) => page.entries) ?? null, [log.data]);
  if (log.error && rows === null) return <Failure error={log.error} onRetry={() => void log.refetch()} />;
  return (
    <>
      <h2>{words.log}</h2>
      <p className="muted page-lead">{words.logLead}</p>
      <EntryTable
        label={words.log}
        columns={columns}
        rows={rows}
        idOf={(row) => `${row.at} ${row.decisionId}`}
        textsOf={(row) => [row.apiKeyId, row.userName, row.userId, row.model, row.projectId, row.decisionId, messageOf(row)]}
        search={words.logSearch}
        none={words.logNone}
        testId="decisions-table"
        add={
          log.hasNextPage && (
            <button
              type="button"
              className="button"
              disabled={log.isFetchingNextPage}
              onClick={() => void log.fetchNextPage()}
              data-testid="older-decisions"
            >
              {words.older}
            </button>
          )
        }
      />
    </>
  );
}

const messageOf = (row: LoggedDecision) => row.reasons.map(({ message }) => message).join("; ");
const whenOf = (row: LoggedDecision) => `${dayText(row.at)}, ${hourText(row.at)}`;

function resultOf(row: LoggedDecision) {
  const times = row.times > 1 ? ` · ${words.times(count(row.times))}` : "";
  return `${row.allowed ? words.observed : words.refused}${times}`;
}

const columns: EntryColumn<LoggedDecision>[] = [
  {
    name: "call",
    label: words.call,
    cell: (row) => (
      <EntryName
        name={row.userName ?? row.apiKeyId}
        second={[row.userName && row.apiKeyId, row.model].filter(Boolean).join(" · ")}
        small={whenOf(row)}
      />
    ),
  },
  { name: "reasons", label: words.reasons, cell: (row) => <span className="decision-reasons">{messageOf(row)}</span> },
  { name: "result", label: words.result, wideOnly: true, cell: resultOf },
  { name: "when", label: words.when, wideOnly: true, cell: (row) => <span className="muted decision-when">{whenOf(row)}</span> },
];
