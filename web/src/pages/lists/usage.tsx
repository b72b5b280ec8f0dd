import { exactText } from "../../api/exact";
import type { WithErrors } from "../../api/blocks";
import type { Saved } from "../../api/cacheSaving";
import { exactFigure, spent } from "../../charts/measure";
import { count, percent } from "../../format/counts";
import { errorShare } from "../../state/errorShare";
import { text } from "../../text";
import { ExplainFigure, type Cell } from "../../ui/ExplainFigure";
import { SavedBeneath } from "../parts/Saved";
import { PartlyUnpriced } from "../parts/UnpricedTag";
import { costHint } from "../parts/unitCost";
import type { Column } from "./ListTable";

/** What rows are sorted by. */
export const usageValue = {
  cost: (row: WithErrors) => row.cost,
  tokens: (row: WithErrors) => row.totalTokens,
  requests: (row: WithErrors) => row.requestCount,
  errorRate: (row: WithErrors) => errorShare(row),
};

/** What a column of costs adds up to. */
export function costFoot(totals: WithErrors) {
  const exact = exactText(totals, "cost");
  return { shown: spent(totals), exact, hint: exactFigure(exact, "cost", totals.unpricedRequestCount) };
}

/** `cellOf` says of which entry a row is. */
export function costColumn<Row extends WithErrors>(
  totals: WithErrors | null,
  cellOf: (row: Row) => Cell,
): Column<Row, "cost"> {
  return {
    name: "cost",
    label: text.metrics.cost,
    numeric: true,
    cell: (row) => (
      <>
        <ExplainFigure cell={cellOf(row)}>{spent(row)}</ExplainFigure>
        <PartlyUnpriced of={row} />
      </>
    ),
    exact: (row) => exactText(row, "cost"),
    hint: (row) => costHint(exactFigure(exactText(row, "cost"), "cost", row.unpricedRequestCount), row),
    foot: totals ? costFoot(totals) : undefined,
  };
}

/** What caches saved each row, and all that are shown; once it is known. */
export interface SavedBy<Row> {
  row: (row: Row) => Saved;
  all: Saved;
}

export function countColumns<Row extends WithErrors>(
  totals: WithErrors | null,
  saved: SavedBy<Row> | null = null,
): Column<Row, "tokens" | "requests" | "errorRate">[] {
  return [
    {
      name: "tokens",
      label: text.metrics.tokens,
      numeric: true,
      wideOnly: true,
      cell: (row) => (
        <>
          {count(row.totalTokens)}
          <SavedBeneath saved={saved?.row(row)} />
        </>
      ),
      exact: (row) => exactText(row, "totalTokens"),
      foot: totals
        ? {
            shown: (
              <>
                {count(totals.totalTokens)}
                <SavedBeneath saved={saved?.all} />
              </>
            ),
            exact: exactText(totals, "totalTokens"),
          }
        : undefined,
    },
    {
      name: "requests",
      label: text.metrics.requests,
      numeric: true,
      wideOnly: true,
      cell: (row) => count(row.requestCount),
      exact: (row) => exactText(row, "requestCount"),
      foot: totals ? { shown: count(totals.requestCount), exact: exactText(totals, "requestCount") } : undefined,
    },
    {
      name: "errorRate",
      label: text.cards.errorRateTitle,
      numeric: true,
      wideOnly: true,
      cell: (row) => percent(errorShare(row)),
      exact: (row) => exactText(row, "errorCount"),
      hint: (row) => text.lists.errorHint(count(row.errorCount), count(row.clientErrorCount)),
      foot: totals ? { shown: percent(errorShare(totals)), exact: exactText(totals, "errorCount") } : undefined,
    },
  ];
}
