import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { fetchAudit, type AuditEntry } from "../../api/audit";
import { momentText } from "../../format/dates";
import { text } from "../../text";
import type { Calendar } from "../../time/clock";
import { Failure } from "../../ui/Failure";
import { AdministrationHeader } from "../administration/AdministrationHeader";
import { EntryName, EntryTable, type EntryColumn } from "../administration/EntryTable";
import { useCalendar } from "../window/WithCalendar";

const words = text.audit;

/** Who did what: on the whole server, or in one organization. */
export default function AuditPage({ organizationId }: { organizationId: string | null }) {
  const log = useInfiniteQuery({
    queryKey: ["audit", organizationId],
    queryFn: ({ pageParam, signal }) => fetchAudit(organizationId, pageParam, signal),
    initialPageParam: null as number | null,
    getNextPageParam: (last) => last.next,
  });
  const rows = useMemo(() => log.data?.pages.flatMap((page) => page.entries) ?? null, [log.data]);
  const calendar = useCalendar();
  const columns = useMemo(() => columnsFor(calendar), [calendar]);
  return (
    <div className="page" data-testid="audit" data-busy={rows === null && !log.error}>
      <AdministrationHeader title={words.title} lead={words.lead} />
      {log.error && rows === null ? (
        <Failure error={log.error} onRetry={() => void log.refetch()} />
      ) : (
        <EntryTable
          label={words.title}
          columns={columns}
          rows={rows}
          idOf={(row) => String(row.sequence)}
          textsOf={(row) => [actionOf(row), row.action, row.actor, row.userId, row.target, row.organizationId, row.detail, row.result]}
          search={words.search}
          none={words.none}
          testId="audit-table"
          add={
            log.hasNextPage && (
              <button
                type="button"
                className="button"
                disabled={log.isFetchingNextPage}
                onClick={() => void log.fetchNextPage()}
                data-testid="older"
              >
                {words.older}
              </button>
            )
          }
        />
      )}
    </div>
  );
}

function actionOf(row: AuditEntry): string {
  return (words.actions as Record<string, string>)[row.action] ?? row.action;
}

/** Who signs in is the person of the entry; of all others the person is who it was about. */
function signsIn(row: AuditEntry): boolean {
  return row.action === "sign-in" || row.action === "sign-out";
}

function actorOf(row: AuditEntry): string {
  return (signsIn(row) ? row.userId : null) ?? row.actor;
}

function whereOf(row: AuditEntry): string {
  return [signsIn(row) ? null : row.userId, row.organizationId].filter(Boolean).join(" · ");
}

function columnsFor(calendar: Calendar): EntryColumn<AuditEntry>[] {
  return [
    {
      name: "action",
      label: words.action,
      cell: (row) => (
        <EntryName
          name={actionOf(row)}
          second={row.detail || row.target}
          small={`${momentText(row.at, calendar)} · ${actorOf(row)}`}
        >
          <span className="truncate">{actionOf(row)}</span>
          {row.result !== "ok" && <span className="tag">{row.result}</span>}
        </EntryName>
      ),
    },
    { name: "actor", label: words.actor, wideOnly: true, cell: (row) => <EntryName name={actorOf(row)} /> },
    { name: "target", label: words.target, wideOnly: true, cell: (row) => <EntryName name={row.target} second={whereOf(row)} /> },
    {
      name: "at",
      label: words.at,
      wideOnly: true,
      cell: (row) => (
        <span className="muted" title={`${row.sequence} · ${row.hash}`}>
          {momentText(row.at, calendar)}
        </span>
      ),
    },
  ];
}
