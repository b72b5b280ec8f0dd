import { granularities, isGranularity, type Granularity } from "../time/buckets";
import { isPreset } from "../time/presets";
import { DEFAULT_RANGE, spanFault, type Range } from "../time/range";
import { isZone } from "../time/zones";

export const groupings = ["model", "project", "apiKey", "user"] as const;
export type Grouping = (typeof groupings)[number];

export const metrics = ["cost", "requests", "tokens"] as const;
export type Metric = (typeof metrics)[number];

export const chartKinds = ["bars", "lines", "table"] as const;
export type ChartKind = (typeof chartKinds)[number];

/** Everything on screen that a link has to reproduce. */
export interface View {
  range: Range;
  zone: string;
  groupBy: Grouping;
  metric: Metric;
  chart: ChartKind;
  /** Null leaves the choice to the length of the range. */
  per: Granularity | null;
  /** Ids of series switched off in the legend. */
  hidden: readonly string[];
  /** The ranking shows every entry instead of the largest. */
  all: boolean;
}

function oneOf<T extends string>(values: readonly T[], text: string | null, otherwise: T): T {
  return values.find((value) => value === text) ?? otherwise;
}

function readRange(params: URLSearchParams): Range {
  const preset = params.get("range");
  if (preset && isPreset(preset)) return { kind: "preset", preset };
  const from = params.get("from") ?? undefined;
  const to = params.get("to") ?? undefined;
  if (from && to && spanFault(from, to) === null) return { kind: "custom", from, to };
  return DEFAULT_RANGE;
}

/** Links get edited and cut by hand; whatever is not understood falls back to its default. */
export function readView(search: string, ownZone: string): View {
  const params = new URLSearchParams(search);
  const zone = params.get("tz");
  const per = params.get("per");
  return {
    range: readRange(params),
    zone: zone && isZone(zone) ? zone : ownZone,
    groupBy: oneOf(groupings, params.get("by"), "model"),
    metric: oneOf(metrics, params.get("metric"), "cost"),
    chart: oneOf(chartKinds, params.get("chart"), "bars"),
    per: per && isGranularity(per) ? oneOf(granularities, per, "day") : null,
    hidden: params.getAll("hide"),
    all: params.get("all") === "1",
  };
}

/** Range, zone, grouping and metric are always written, so that a link means the same to another reader. */
export function writeView(view: View): string {
  const params = new URLSearchParams();
  if (view.range.kind === "preset") {
    params.set("range", view.range.preset);
  } else {
    params.set("from", view.range.from);
    params.set("to", view.range.to);
  }
  params.set("tz", view.zone);
  params.set("by", view.groupBy);
  params.set("metric", view.metric);
  if (view.chart !== "bars") params.set("chart", view.chart);
  if (view.per) params.set("per", view.per);
  for (const id of view.hidden) params.append("hide", id);
  if (view.all) params.set("all", "1");
  // Slashes are legal in a query, and "Europe/Paris" reads better than "Europe%2FParis".
  return params.toString().replaceAll("%2F", "/");
}

/** A change of grouping makes the series switched off before meaningless. */
export function changeView(view: View, change: Partial<View>): View {
  const next = { ...view, ...change };
  if (change.groupBy && change.groupBy !== view.groupBy) {
    next.hidden = [];
    next.all = false;
  }
  return next;
}
