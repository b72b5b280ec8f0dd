import { billers, type Biller } from "../api/reconciliation";
import { readSort, writeSort } from "./listView";
import { oneOf, readTimeWindow, searchText, writeTimeWindow, type TimeWindow } from "./timeWindow";

export const rowKinds = ["model", "day"] as const;
export type RowKind = (typeof rowKinds)[number];

const columns = [
  "name",
  "theirs",
  "ours",
  "gap",
  "missing",
  "aborted",
  "unpriced",
  "price",
  "rounding",
] as const;
export type ReconciliationColumn = (typeof columns)[number];

/** The page that sets an invoice beside what was counted. */
export interface ReconciliationView extends TimeWindow {
  provider: Biller;
  by: RowKind;
  sort: ReconciliationColumn;
  descending: boolean;
}

const FIRST_SORT = "gap";

export function readReconciliationView(search: string, ownZone: string): ReconciliationView {
  const params = new URLSearchParams(search);
  return {
    ...readTimeWindow(params, ownZone),
    provider: oneOf(billers, params.get("provider"), "openai"),
    by: oneOf(rowKinds, params.get("by"), "model"),
    ...readSort(params, columns, FIRST_SORT),
  };
}

export function writeReconciliationView(view: ReconciliationView): string {
  const params = writeTimeWindow(view);
  if (view.provider !== "openai") params.set("provider", view.provider);
  if (view.by !== "model") params.set("by", view.by);
  writeSort(view, FIRST_SORT, params);
  return searchText(params);
}
