import { granularities, isGranularity, type Granularity } from "../time/buckets";
import { oneOf, readTimeWindow, searchText, writeTimeWindow, type TimeWindow } from "./timeWindow";

export const groupings = ["model", "project", "apiKey", "user", "provider", "source"] as const;
export type Grouping = (typeof groupings)[number];

/** Either of the ids within one grouping, all groupings together. */
export type Filters = Readonly<Partial<Record<Grouping, readonly string[]>>>;

export const metrics = ["cost", "requests", "tokens"] as const;
export type Metric = (typeof metrics)[number];

export const chartKinds = ["bars", "lines", "table"] as const;
export type ChartKind = (typeof chartKinds)[number];

/** Everything on screen that a link has to reproduce. */
export interface View extends TimeWindow {
  groupBy: Grouping;
  metric: Metric;
  chart: ChartKind;
  /** Null leaves the choice to the length of the range. */
  per: Granularity | null;
  filters: Filters;
  /** Ids of series switched off in the legend. */
  hidden: readonly string[];
  /** The ranking shows every entry instead of the largest. */
  all: boolean;
}

function readFilters(params: URLSearchParams): Filters {
  const filters: Partial<Record<Grouping, string[]>> = {};
  for (const grouping of groupings) {
    const ids = params.getAll(grouping);
    if (ids.length > 0) filters[grouping] = [...new Set(ids)];
  }
  return filters;
}

export function withFilter(filters: Filters, grouping: Grouping, id: string): Filters {
  return { ...filters, [grouping]: [...new Set([...(filters[grouping] ?? []), id])] };
}

export function withoutFilter(filters: Filters, grouping: Grouping, id: string): Filters {
  return { ...filters, [grouping]: filters[grouping]?.filter((one) => one !== id) };
}

export function readView(search: string, ownZone: string): View {
  const params = new URLSearchParams(search);
  const per = params.get("per");
  return {
    ...readTimeWindow(params, ownZone),
    groupBy: oneOf(groupings, params.get("by"), "model"),
    metric: oneOf(metrics, params.get("metric"), "cost"),
    chart: oneOf(chartKinds, params.get("chart"), "bars"),
    per: per && isGranularity(per) ? oneOf(granularities, per, "day") : null,
    filters: readFilters(params),
    hidden: params.getAll("hide"),
    all: params.get("all") === "1",
  };
}

/** Range, zone, grouping and metric are always written, so that a link means the same to another reader. */
export function writeView(view: View): string {
  const params = writeTimeWindow(view);
  params.set("by", view.groupBy);
  params.set("metric", view.metric);
  if (view.chart !== "bars") params.set("chart", view.chart);
  if (view.per) params.set("per", view.per);
  for (const grouping of groupings) {
    for (const id of view.filters[grouping] ?? []) params.append(grouping, id);
  }
  for (const id of view.hidden) params.append("hide", id);
  if (view.all) params.set("all", "1");
  return searchText(params);
}

/** A change of grouping makes the series switched off before meaningless. */
export function changeView(view: View, change: Partial<View>): View {
  const next = { ...view, ...change };
  if (change.groupBy && change.groupBy !== view.groupBy) {
    next.hidden = [];
    next.all = false;
  }
  // Bars per hour fit a day; kept for a year they would be silently something else.
  if (change.range && change.per === undefined) next.per = null;
  return next;
}
