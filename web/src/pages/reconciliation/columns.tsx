import { exactText } from "../../api/exact";
import type { Comparison, Reconciliation, ReconciliationRow } from "../../api/reconciliation";
import { bucketTitle } from "../../format/dates";
import { exactMoney, money } from "../../format/money";
import type { ReconciliationColumn, RowKind } from "../../state/reconciliationView";
import { text } from "../../text";
import type { Column } from "../lists/ListTable";
import { signedMoney } from "./signed";

const words = text.reconciliation;
type Amount = Exclude<ReconciliationColumn, "name">;

const amounts: readonly Amount[] = ["theirs", "ours", "gap", "missing", "aborted", "unpriced", "price", "rounding"];

export const rowId = (row: ReconciliationRow) => row.date ?? row.model ?? "~none";

/** Differences are sorted by their size, whichever side they are on. */
export function valueOf(row: ReconciliationRow, column: ReconciliationColumn): string | number | null {
  if (column === "name") return row.date ?? row.modelName ?? row.model;
  return row.cost && Math.abs(row.cost[column]);
}

export function columnsFor(by: RowKind, answer: Reconciliation | null): Column<ReconciliationRow, ReconciliationColumn>[] {
  return [
    { name: "name", label: words.rowKinds[by], cell: (row) => <Name row={row} /> },
    ...amounts.map((name): Column<ReconciliationRow, ReconciliationColumn> => {
      const foot = answer ? amountOf(answer.totals, name) : null;
      return {
        name,
        label: labelOf(name),
        numeric: true,
        wideOnly: name !== "gap",
        cell: (row) => (
          // What explains nothing stands back.
          <span className={row.cost?.[name] ? undefined : "muted"}>{amountOf(row, name)?.shown ?? words.unknown}</span>
        ),
        exact: (row) => amountOf(row, name)?.exact ?? "",
        hint: (row) => amountOf(row, name)?.hint,
        foot: foot ?? undefined,
      };
    }),
  ];
}

function labelOf(name: Amount): string {
  if (name === "theirs" || name === "ours" || name === "gap") return words[name];
  return words.causes[name];
}

function amountOf({ cost }: Pick<Comparison, "cost">, name: Amount) {
  if (!cost) return null;
  const exact = exactText(cost, name);
  const whole = name === "theirs" || name === "ours";
  return { shown: whole ? money(cost[name]) : signedMoney(cost[name]), exact, hint: exactMoney(exact) };
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
