import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { auditPath, fetchAudit, type AuditEntry, type AuditFilter } from "../../api/audit";
import { momentText } from "../../format/dates";
import { text } from "../../text";
import type { Calendar } from "../../time/clock";
import { Failure } from "../../ui/Failure";
import { Icon } from "../../ui/Icon";
import { AdministrationHeader } from "../administration/AdministrationHeader";
import { EntryName, EntryTable, type EntryColumn } from "../administration/EntryTable";
import { useCalendar } from "../window/WithCalendar";
import { actionWords } from "./words";

const words = text.audit;

/** Who did what: on the whole server, or in one organization. */
export default function AuditPage({ organizationId }: { organizationId: string | null }) {
  const calendar = useCalendar();
  const [filter, setFilter] = useState<AuditFilter>({ from: "", to: "", userId: "" });
  const pathWith = (more: Record<string, string>) => auditPath(organizationId, calendar.timezone, filter, more);
  const log = useInfiniteQuery({
    queryKey: ["audit", pathWith({})],
    queryFn: ({ pageParam, signal }) => fetchAudit(pathWith({ before: pageParam }), signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next?.toString(),
  });
  const rows = useMemo(() => log.data?.pages.flatMap((page) => page.entries) ?? null, [log.data]);
  const columns = useMemo(() => columnsFor(calendar), [calendar]);
  return (
    <div className="page" data-testid="audit" data-busy={rows === null && !log.error}>
      <AdministrationHeader title={words.title} lead={words.lead} />
      <AuditTools filter={filter} onChange={setFilter} csv={pathWith({ format: "csv" })} />
      {log.error && rows === null ? (
        <Failure error={log.error} onRetry={() => void log.refetch()} />
      ) : (
        <EntryTable
          label={words.title}
          columns={columns}
          rows={rows}
          idOf={(row) => String(row.sequence)}
          textsOf={textsOf}
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

interface ToolsProps {
  filter: AuditFilter;
  onChange: (filter: AuditFilter) => void;
  csv: string;
}

/** Whose entries, and of which days; and all of them as a table. */
function AuditTools({ filter, onChange, csv }: ToolsProps) {
  const field = (name: keyof AuditFilter, label: string, type: "date" | "text") => (
    <label className="audit-field">
      <span className="muted">{label}</span>
      <input
        className="field"
        type={type}
        value={filter[name]}
        spellCheck={false}
        onChange={(event) => onChange({ ...filter, [name]: event.target.value.trim() })}
        data-testid={`audit-${name}`}
      />
    </label>
  );
  return (
    <div className="audit-tools">
      {field("userId", words.person, "text")}
      {field("from", words.from, "date")}
      {field("to", words.to, "date")}
      <a className="button" href={csv} download data-testid="audit-csv">
        <Icon name="table" />
        {text.chart.csv}
      </a>
    </div>
  );
}

function textsOf(row: AuditEntry) {
  const { action, actor, actorName, userId, userName, target, targetName, organizationId, organizationName, detail, result } = row;
  return [actionOf(row), action, actor, actorName, userId, userName, target, targetName, organizationId, organizationName, detail, result];
}

function actionOf(row: AuditEntry): string {
  return actionWords[row.action] ?? row.action;
}

/** Who signs in is the person of the entry; of all others the person is who it was about. */
function signsIn(row: AuditEntry): boolean {
  return row.action === "sign-in" || row.action === "sign-out";
}

function actorOf(row: AuditEntry): string {
  return (signsIn(row) ? (row.userName ?? row.userId) : null) ?? row.actorName ?? row.actor;
}

function whereOf(row: AuditEntry): string {
  const person = signsIn(row) ? null : (row.userName ?? row.userId);
  return [row.targetName && row.target, person !== row.targetName && person, row.organizationName ?? row.organizationId].filter(Boolean).join(" · ");
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
    { name: "actor", label: words.actor, wideOnly: true, cell: (row) => <EntryName name={actorOf(row)} second={row.actor} /> },
    { name: "target", label: words.target, wideOnly: true, cell: (row) => <EntryName name={row.targetName ?? row.target} second={whereOf(row)} /> },
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
