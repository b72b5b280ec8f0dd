import type { Activity } from "../api/types";
import { isOther, seriesId, seriesLabel } from "../state/series";
import type { Metric } from "../state/view";
import { bucketLastDay, unfinishedBucket, type Granularity } from "../time/buckets";
import type { Day } from "../time/day";
import { measured } from "./measure";

export interface Series {
  id: string;
  label: string;
  other: boolean;
  note: "deleted" | "former" | null;
  values: number[];
  total: number;
}

export interface Timeline {
  granularity: Granularity;
  dates: string[];
  /** The last local day each bucket covers. */
  lastDays: Day[];
  /** Sums as the server gave them, of everything, shown or not. */
  totals: number[];
  /** Largest first, the rest last. */
  series: Series[];
  unfinished: number | null;
}

export function timeline(activity: Activity, metric: Metric, granularity: Granularity): Timeline {
  const window = { from: activity.from, to: activity.to };
  const dates = activity.activity.map((bucket) => bucket.date);
  const series = new Map<string, Series>();

  activity.activity.forEach((bucket, index) => {
    for (const entry of bucket.breakdown) {
      const id = seriesId(entry);
      let one = series.get(id);
      if (!one) {
        one = {
          id,
          label: seriesLabel(entry),
          other: isOther(entry),
          note: entry.former ? "former" : entry.deleted ? "deleted" : null,
          values: new Array<number>(dates.length).fill(0),
          total: 0,
        };
        series.set(id, one);
      }
      const value = measured(entry, metric);
      one.values[index] = value;
      one.total += value;
    }
  });

  return {
    granularity,
    dates,
    lastDays: dates.map((date) => bucketLastDay(date, granularity, window)),
    totals: activity.activity.map((bucket) => measured(bucket, metric)),
    series: [...series.values()].sort(
      (a, b) => Number(a.other) - Number(b.other) || b.total - a.total || (a.id < b.id ? -1 : 1),
    ),
    unfinished: unfinishedBucket(dates, granularity, window, activity.asOf, activity.timezone),
  };
}

export function peakIndex(totals: readonly number[]): number {
  return totals.reduce((best, value, i) => (value > (totals[best] ?? 0) ? i : best), 0);
}
