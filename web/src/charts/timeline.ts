import type { Measures, ModelDay } from "../api/blocks";
import type { Activity } from "../api/types";
import { isOther, seriesId, seriesKeys, seriesLabel } from "../state/series";
import type { Metric } from "../state/view";
import { fellows } from "../time/before";
import { bucketLastDay, unfinishedBucket, type Granularity } from "../time/buckets";
import type { Day } from "../time/day";
import type { Span } from "../time/presets";
import { measured } from "./measure";

export interface Series {
  id: string;
  /** What the server calls it, by pivot; null for the rest and for usage that is nobody's. */
  keys: readonly (string | null)[];
  label: string;
  other: boolean;
  /** Among all of its kind; null where the days do not say it. */
  ordinal: number | null;
  note: "deleted" | "former" | null;
  values: number[];
  total: number;
  /** By bucket: how many calls have no price. */
  unpriced: number[];
}

export interface Timeline {
  granularity: Granularity;
  dates: string[];
  /** The last local day each bucket covers. */
  lastDays: Day[];
  /** Sums as the server gave them, of everything, shown or not. */
  totals: number[];
  unpriced: number[];
  /** Of all requests, by bucket, those that failed; null without requests. Null altogether where the chart is of
      something else, or nothing failed. */
  errorRates: (number | null)[] | null;
  /** Largest first, the rest last. */
  series: Series[];
  unfinished: number | null;
  /** The window before, laid onto these buckets; null where nothing is compared. */
  before: Before | null;
}

export interface Before extends Span {
  /** Totals; null where a bucket has no counterpart. */
  values: (number | null)[];
  unpriced: number[];
  /** The first bucket and the last day of the window before that a value is of. */
  dates: string[];
  lastDays: Day[];
}

const LONG = 92;

/** So many buckets that a column is too narrow for a name and a frame of its own. */
export function isLong({ dates }: Timeline): boolean {
  return dates.length > LONG;
}

/** Switches the line of error rates off, as ids of series do theirs. */
export const ERROR_RATE = "~errors";

interface Window {
  from: Day;
  to: Day;
  asOf: string;
}

type Part = Omit<Series, "values" | "total" | "unpriced"> & { value: number; unpriced: number };

/** A day or another bucket as the server counts it. */
type Counted = Measures & { date: string; errorCount?: number | null };

interface Bucket {
  date: string;
  total: number;
  unpriced: number;
  /** Requests that failed, where they are to be drawn. */
  failed: number | null;
  parts: readonly Part[];
}

/** What a bucket is as a whole. */
function whole(day: Counted, metric: Metric): Omit<Bucket, "parts"> {
  return {
    date: day.date,
    total: measured(day, metric),
    unpriced: day.unpricedRequestCount ?? 0,
    failed: metric === "requests" ? (day.errorCount ?? null) : null,
  };
}

function ratesOf(buckets: readonly Bucket[]): Timeline["errorRates"] {
  if (!buckets.some(({ failed }) => failed)) return null;
  return buckets.map(({ failed, total }) => (failed === null || total === 0 ? null : failed / total));
}

function assemble(window: Window, granularity: Granularity, buckets: readonly Bucket[], today: Day): Timeline {
  const dates = buckets.map((bucket) => bucket.date);
  const series = new Map<string, Series>();

  buckets.forEach((bucket, index) => {
    for (const { value, unpriced, ...facts } of bucket.parts) {
      let one = series.get(facts.id);
      if (!one) {
        const nothing = () => new Array<number>(dates.length).fill(0);
        one = { ...facts, values: nothing(), total: 0, unpriced: nothing() };
        series.set(facts.id, one);
      }
      // A model served by two providers is two parts of one series.
      one.values[index] = (one.values[index] ?? 0) + value;
      one.total += value;
      one.unpriced[index] = (one.unpriced[index] ?? 0) + unpriced;
    }
  });

  return {
    granularity,
    dates,
    lastDays: dates.map((date) => bucketLastDay(date, granularity, window)),
    totals: buckets.map((bucket) => bucket.total),
    unpriced: buckets.map((bucket) => bucket.unpriced),
    errorRates: ratesOf(buckets),
    series: [...series.values()].sort(largestFirst),
    unfinished: unfinishedBucket(dates, granularity, window, window.asOf, today),
    before: null,
  };
}

function largestFirst(a: Series, b: Series): number {
  return Number(a.other) - Number(b.other) || b.total - a.total || (a.id < b.id ? -1 : 1);
}

export function timeline(
  activity: Activity,
  metric: Metric,
  granularity: Granularity,
  former: Activity | null,
  today: Day,
): Timeline {
  const buckets = activity.activity.map((bucket) => ({
    ...whole(bucket, metric),
    parts: bucket.breakdown.map((entry) => ({
      id: seriesId(entry),
      keys: seriesKeys(entry),
      label: seriesLabel(entry),
      other: isOther(entry),
      ordinal: null,
      note: entry.former ? ("former" as const) : entry.deleted ? ("deleted" as const) : null,
      value: measured(entry, metric),
      unpriced: entry.unpricedRequestCount ?? 0,
    })),
  }));
  const drawn = assemble(activity, granularity, buckets, today);
  return former ? { ...drawn, before: laidOnto(drawn, activity, former, metric) } : drawn;
}

function laidOnto(drawn: Timeline, window: Span, former: Activity, metric: Metric): Before {
  const before: Before = {
    from: former.from,
    to: former.to,
    values: drawn.dates.map(() => null),
    unpriced: drawn.dates.map(() => 0),
    dates: drawn.dates.map(() => ""),
    lastDays: drawn.dates.map(() => ""),
  };
  const places = fellows(drawn.dates, window, former, former.activity.map((bucket) => bucket.date));
  for (const [i, bucket] of former.activity.entries()) {
    const place = places[i];
    if (place === undefined || place === null) continue;
    before.values[place] = (before.values[place] ?? 0) + measured(bucket, metric);
    before.unpriced[place] = (before.unpriced[place] ?? 0) + (bucket.unpricedRequestCount ?? 0);
    before.dates[place] ||= bucket.date;
    before.lastDays[place] = bucket.date.slice(0, 10);
  }
  return before;
}

/** The palette holds this many and the rest; see the analytics page's question. */
const LARGEST = 9;

/** Days by model. Every model is in the answer, so the rest is summed up here. */
export function modelTimeline(
  answer: Window & { activity: readonly ModelDay[] },
  metric: Metric,
  otherLabel: string,
  today: Day,
): Timeline {
  const buckets = answer.activity.map((day) => ({
    ...whole(day, metric),
    parts: day.modelBreakdown.map((model) => ({
      id: model.id,
      keys: [model.id],
      label: model.label,
      other: false,
      ordinal: model.ordinal,
      note: null,
      value: measured(model, metric),
      unpriced: model.unpricedRequestCount ?? 0,
    })),
  }));
  return withRest(assemble(answer, "day", buckets, today), otherLabel);
}

function withRest(drawn: Timeline, label: string): Timeline {
  if (drawn.series.length <= LARGEST + 1) return drawn;
  const small = drawn.series.slice(LARGEST);
  const rest: Series = {
    id: "~other",
    keys: [null],
    label,
    other: true,
    ordinal: null,
    note: null,
    values: drawn.dates.map((_, i) => small.reduce((sum, series) => sum + (series.values[i] ?? 0), 0)),
    unpriced: drawn.dates.map((_, i) => small.reduce((sum, series) => sum + (series.unpriced[i] ?? 0), 0)),
    total: small.reduce((sum, series) => sum + series.total, 0),
  };
  return { ...drawn, series: [...drawn.series.slice(0, LARGEST), rest] };
}

/** Days without parts: one series that is the total. */
export function totalTimeline(
  answer: Window & { activity: readonly Counted[] },
  metric: Metric,
  label: string,
  today: Day,
): Timeline {
  const buckets = answer.activity.map((day) => {
    const all = whole(day, metric);
    const { total: value, unpriced } = all;
    return {
      ...all,
      parts: [{ id: "~total", keys: [null], label, other: false, ordinal: null, note: null, value, unpriced }],
    };
  });
  return assemble(answer, "day", buckets, today);
}

export function peakIndex(totals: readonly number[]): number {
  return totals.reduce((best, value, i) => (value > (totals[best] ?? 0) ? i : best), 0);
}

/** Which of the stacked parts of one bar reaches over `height`; null above the bar. */
export function seriesAt(series: readonly Series[], index: number, height: number): Series | null {
  let top = 0;
  if (height < 0) return null;
  for (const one of series) {
    top += one.values[index] ?? 0;
    if (height <= top) return (one.values[index] ?? 0) > 0 ? one : null;
  }
  return null;
}
