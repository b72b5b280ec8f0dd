import { exactText } from "../../api/exact";
import type { WithErrors } from "../../api/blocks";
import { spent, type Measures } from "../../charts/measure";
import { exactMoney } from "../../format/money";
import { costFoot } from "./usage";
import { text } from "../../text";
import { Changed, earlierText, incomparable, priceless, Ratio, type EarlierWindow } from "../parts/Changed";
import type { Column } from "./ListTable";

export const comparedColumns = ["before", "change"] as const;
type ComparedColumn = (typeof comparedColumns)[number];

export const NOTHING = { cost: 0, requestCount: 0, totalTokens: 0, errorCount: 0, clientErrorCount: 0, unpricedRequestCount: 0 };

/** Rows of now and of an earlier window, by id: what is in one of them only has nothing in the other. */
export function withBefore<Row extends object>(
  rows: readonly Row[],
  earlier: readonly Row[],
  idOf: (row: Row) => string,
): { rows: Row[]; before: ReadonlyMap<string, Row> } {
  const here = new Set(rows.map(idOf));
  const gone = earlier.filter((row) => !here.has(idOf(row))).map((row) => ({ ...row, ...NOTHING }));
  return { rows: [...rows, ...gone], before: new Map(earlier.map((row) => [idOf(row), row])) };
}

export interface Comparing<Row> {
  window: EarlierWindow | null;
  before: (row: Row) => Measures;
  totals: WithErrors | null;
  /** What the rows now add up to. */
  now: WithErrors | null;
}

/** What a row cost before, and how much more it does now. */
export function comparingColumns<Row extends Measures>(comparing: Comparing<Row>): Column<Row, ComparedColumn>[] {
  const { window, before, totals, now } = comparing;
  const fault = window && incomparable(window);
  return [
    {
      name: "before",
      label: text.compare.before,
      numeric: true,
      wideOnly: true,
      cell: (row) => <span className="muted">{spent(before(row))}</span>,
      exact: (row) => exactText(before(row), "cost"),
      hint: (row) => `${exactMoney(exactText(before(row), "cost"))}${window ? ` (${earlierText(window)})` : ""}`,
      foot: totals ? costFoot(totals) : undefined,
    },
    {
      name: "change",
      label: text.compare.change,
      numeric: true,
      wideOnly: true,
      cell: (row) => <Changed now={row} before={before(row)} metric="cost" fault={fault} />,
      foot:
        totals && now
          ? { shown: <Changed now={now} before={totals} metric="cost" fault={fault} /> }
          : undefined,
    },
  ];
}

/** The column of costs, which says the same under its figures where those two have no room. */
export function withBeneath<Row extends Measures>(
  column: Column<Row, "cost">,
  { window, before, totals, now }: Comparing<Row>,
): Column<Row, "cost"> {
  if (window === null) return column;
  const comparable = incomparable(window) === null;
  const beneath = (now: Measures, then: Measures) => (
    <>
      <span className="visually-hidden">{text.compare.was} </span>
      {spent(then)} {comparable && priceless(now, then, "cost") === null && <Ratio now={now.cost} before={then.cost} />}
    </>
  );
  return {
    ...column,
    headBeneath: text.compare.before,
    beneath: (row) => beneath(row, before(row)),
    footBeneath: totals && now ? beneath(now, totals) : undefined,
  };
}
