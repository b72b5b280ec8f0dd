import { exactText } from "../../api/exact";
import type { Comparison, Reconciliation, ReconciliationRow } from "../../api/reconciliation";
import { bucketTitle } from "../../format/dates";
import { exactMoney, money } from "../../format/money";
import type { ReconciliationColumn, RowKind } from "../../state/reconciliationView";
import { text } from "../../text";
import type { Column } from "../lists/ListTable";
import { signedMoney } from "../../format/signed";

const words = text.reconciliation;
type Amount = Exclude<ReconciliationColumn, "name">;

const amounts: readonly Amount[] = ["theirs", "ours", "gap", "missing", "aborted", "unpriced", "price", "rounding"];

export const rowId = (row: ReconciliationRow) => row.date ?? row.model ?? "~none";

/** Differences are sorted by their size, whichever side they are on. */
export function valueOf(row: ReconciliationRow, column: ReconciliationColumn): string | number | null {
  if (column === "name") return row.date ?? row.modelName ?? row.model;
  return row.cost && Math.abs(row.cost[column]);
}

/** `by` is what was asked for; while a former answer stands in, its own rows count. */
export function columnsFor(by: RowKind, answer: Reconciliation | null): Column<ReconciliationRow, ReconciliationColumn>[] {
  const [first] = answer?.rows ?? [];
  const kind = first ? (first.date === null ? "model" : "day") : by;
  const total = answer?.totals.cost;
  return [
    { name: "name", label: words.rowKinds[kind], cell: (row) => <Name row={row} /> },
    ...amounts.map((name): Column<ReconciliationRow, ReconciliationColumn> => ({
      name,
      label: labelOf(name),
      numeric: true,
      wideOnly: name !== "gap",
      cell: ({ cost }) => (
        // What explains nothing stands back.
        <span className={cost?.[name] ? undefined : "muted"}>{cost ? shown(cost, name) : words.unknown}</span>
      ),
      exact: ({ cost }) => (cost ? exactText(cost, name) : ""),
      hint: ({ cost }) => (cost ? exactMoney(exactText(cost, name)) : undefined),
      foot: total
        ? { shown: shown(total, name), exact: exactText(total, name), hint: exactMoney(exactText(total, name)) }
        : undefined,
    })),
  ];
}

function labelOf(name: Amount): string {
  if (name === "theirs" || name === "ours" || name === "gap") return words[name];
  return words.causes[name];
}

function shown(cost: NonNullable<Comparison["cost"]>, name: Amount): string {
  return name === "theirs" || name === "ours" ? money(cost[name]) : signedMoney(cost[name]);
}

function Name({ row }: { row: ReconciliationRow }) {
  const name = row.date !== null ? bucketTitle(row.date, row.date, "day") : (row.modelName ?? row.model ?? words.noModel);
  return (
    <span className="list-name">
      <span className="truncate" title={row.model ?? undefined}>
        {name}
      </span>
      {row.cost && (
        <span className="muted list-second small-only">
          {words.both(money(row.cost.theirs), money(row.cost.ours))}
        </span>
      )}
    </span>
  );
}
