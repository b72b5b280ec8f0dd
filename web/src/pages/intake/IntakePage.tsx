import { useQuery } from "@tanstack/react-query";
import { fetchIntake, intakeCsvPath, type IntakeLine } from "../../api/intake";
import { count } from "../../format/counts";
import { dayText, spanText } from "../../format/dates";
import { readTimeWindow } from "../../state/timeWindow";
import { text } from "../../text";
import { Failure } from "../../ui/Failure";
import { AdministrationHeader } from "../administration/AdministrationHeader";
import { EntryName, EntryTable, type EntryColumn } from "../administration/EntryTable";
import { ListTake } from "../lists/ListTools";
import { useRawSearch } from "../useRawSearch";
import "./intake.css";

const words = text.intake;

/** What became of what was sent: on the whole server, or in one organization. */
export default function IntakePage({ organizationId }: { organizationId: string | null }) {
  // A link can name days; otherwise they are the last seven.
  const { range } = readTimeWindow(new URLSearchParams(useRawSearch()), "UTC");
  const days = range.kind === "custom" ? { from: range.from, to: range.to } : null;
  const answer = useQuery({
    queryKey: ["intake", organizationId, days],
    queryFn: ({ signal }) => fetchIntake(organizationId, days, signal),
  });
  const rows = answer.data?.intake ?? null;
  return (
    <div className="page" data-testid="intake" data-busy={rows === null && !answer.error}>
      <AdministrationHeader title={words.title} lead={days ? words.leadOf(spanText(days.from, days.to)) : words.lead} />
      {answer.error && rows === null ? (
        <Failure error={answer.error} onRetry={() => void answer.refetch()} />
      ) : (
        <EntryTable
          label={words.title}
          columns={columns}
          rows={rows}
          idOf={idOf}
          textsOf={(row) => [senderOf(row), row.organizationId, words.results[row.result], row.reason, row.example, row.date]}
          search={words.search}
          none={words.none}
          testId="intake-table"
          add={<ListTake csv={intakeCsvPath(organizationId, days)} />}
        />
      )}
    </div>
  );
}

function idOf(row: IntakeLine): string {
  return JSON.stringify([row.date, row.organizationId, row.sender, row.clientVersion, row.result, row.reason]);
}

function senderOf(row: IntakeLine): string {
  return [row.sender, row.clientVersion].filter(Boolean).join(" ");
}

/** Nothing of these was counted, which is what somebody looks for here. */
function isLost(row: IntakeLine): boolean {
  return row.result === "ignored" || row.result === "rejected";
}

function resultOf(row: IntakeLine) {
  const result = words.results[row.result];
  return isLost(row) ? <span className="tag">{result}</span> : result;
}

const columns: EntryColumn<IntakeLine>[] = [
  {
    name: "sender",
    label: words.sender,
    cell: (row) => (
      <EntryName
        name={senderOf(row)}
        second={row.organizationId}
        small={`${dayText(row.date)} · ${words.results[row.result]}${row.reason ? ` · ${row.reason}` : ""}`}
      />
    ),
  },
  { name: "result", label: words.result, wideOnly: true, cell: resultOf },
  {
    name: "reason",
    label: words.reason,
    wideOnly: true,
    cell: (row) => <EntryName name={row.reason ?? ""} second={row.example && words.suchAs(row.example)} />,
  },
  { name: "count", label: words.records, numeric: true, cell: (row) => count(row.count) },
  { name: "date", label: words.day, wideOnly: true, cell: (row) => <span className="muted">{dayText(row.date)}</span> },
];
