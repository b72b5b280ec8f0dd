import { granularities, isGranularity, type Granularity } from "../time/buckets";
import { groupings, readFilters, writeFilters, type Filters, type Grouping } from "./filters";
import { oneOf, readTimeWindow, searchText, writeTimeWindow, type TimeWindow } from "./timeWindow";

export const metrics = ["cost", "requests", "tokens"] as const;
export type Metric = (typeof metrics)[number];

/** What a ranking is in the order of, beside its measure. */
export const orders = ["value", "before", "change"] as const;
export type Order = (typeof orders)[number];

export const chartKinds = ["bars", "lines", "table"] as const;
export type ChartKind = (typeof chartKinds)[number];

/** Everything on screen that a link has to reproduce. */
export interface View extends TimeWindow {
  groupBy: Grouping;
  /** The second pivot: every entry is then a pair. */
  thenBy: Grouping | null;
  metric: Metric;
  chart: ChartKind;
  /** Null leaves the choice to the length of the range. */
  per: Granularity | null;
  filters: Filters;
  /** Ids of series switched off in the legend. */
  hidden: readonly string[];
  /** The ranking shows every entry instead of the largest. */
  all: boolean;
  order: Order;
  /** The chart shows the window before as well. */
  compare: boolean;
}

export function pivotsOf(view: Pick<View, "groupBy" | "thenBy">): readonly Grouping[] {
  return view.thenBy === null ? [view.groupBy] : [view.groupBy, view.thenBy];
}

export function readView(search: string, ownZone: string): View {
  const params = new URLSearchParams(search);
  const per = params.get("per");
  const groupBy = oneOf(groupings, params.get("by"), "model");
  const thenBy = groupings.find((grouping) => grouping === params.get("then")) ?? null;
  return {
    ...readTimeWindow(params, ownZone),
    groupBy,
    thenBy: thenBy === groupBy ? null : thenBy,
    metric: oneOf(metrics, params.get("metric"), "cost"),
    chart: oneOf(chartKinds, params.get("chart"), "bars"),
    per: per && isGranularity(per) ? oneOf(granularities, per, "day") : null,
    filters: readFilters(params),
    hidden: params.getAll("hide"),
    all: params.get("all") === "1",
    order: oneOf(orders, params.get("order"), "value"),
    compare: params.get("vs") !== "none",
  };
}

/** Range, zone, grouping and metric are always written, so that a link means the same to another reader. */
export function writeView(view: View): string {
  const params = writeTimeWindow(view);
  params.set("by", view.groupBy);
  if (view.thenBy) params.set("then", view.thenBy);
  params.set("metric", view.metric);
  if (view.chart !== "bars") params.set("chart", view.chart);
  if (view.per) params.set("per", view.per);
  writeFilters(view.filters, params);
  for (const id of view.hidden) params.append("hide", id);
  if (view.all) params.set("all", "1");
  if (view.order !== "value") params.set("order", view.order);
  if (!view.compare) params.set("vs", "none");
  return searchText(params);
}

export function changeView(view: View, change: Partial<View>): View {
  const next = { ...view, ...change };
  // Choosing the second pivot as the first turns the pair around.
  if (next.thenBy === next.groupBy) next.thenBy = view.groupBy === next.groupBy ? null : view.groupBy;
  // Another grouping makes the series switched off before meaningless.
  if (next.groupBy !== view.groupBy || next.thenBy !== view.thenBy) {
    next.hidden = [];
    next.all = false;
  }
  // Bars per hour fit a day; kept for a year they would be silently something else.
  if (change.range && change.per === undefined) next.per = null;
  return next;
}
