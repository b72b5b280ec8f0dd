import { addDays, daysInclusive, startOfMonth, startOfWeek, type Day } from "./day";
import type { Span } from "./presets";

export const granularities = ["hour", "day", "week", "month"] as const;
export type Granularity = (typeof granularities)[number];

export function isGranularity(text: string): text is Granularity {
  return (granularities as readonly string[]).includes(text);
}

/** The server's limit for one question by the hour. */
const MAX_DAYS_BY_HOUR = 31;

/** What the server answers for a window, and what makes more than one bar of it. */
export function granularitiesFor(span: Span): Granularity[] {
  const days = daysInclusive(span.from, span.to);
  const fitting: Granularity[] = [];
  if (days <= MAX_DAYS_BY_HOUR) fitting.push("hour");
  if (days >= 2) fitting.push("day");
  if (startOfWeek(span.from) !== startOfWeek(span.to)) fitting.push("week");
  if (startOfMonth(span.from) !== startOfMonth(span.to)) fitting.push("month");
  return fitting;
}

export function granularityFor(span: Span, wanted: Granularity | null): Granularity {
  const fitting = granularitiesFor(span);
  if (wanted && fitting.includes(wanted)) return wanted;
  return daysInclusive(span.from, span.to) <= 2 ? "hour" : "day";
}

/** The last local day that a bucket starting at `date` covers. */
export function bucketLastDay(date: string, granularity: Granularity, window: Span): Day {
  const day = date.slice(0, 10);
  let last = day;
  // A window may begin in the middle of a week; its first bucket still ends on that week's Sunday.
  if (granularity === "week") last = addDays(startOfWeek(day), 6);
  if (granularity === "month") last = addDays(startOfMonth(day, 1), -1);
  return last > window.to ? window.to : last;
}

/** Which bucket is still being filled, or null when the window is over or has not begun. */
export function unfinishedBucket(
  dates: readonly string[],
  granularity: Granularity,
  window: Span,
  asOf: string,
  today: Day,
): number | null {
  if (today > window.to) return null;
  const begun = (date: string) =>
    granularity === "hour" ? Date.parse(date) <= Date.parse(asOf) : date.slice(0, 10) <= today;
  const index = dates.findLastIndex(begun);
  return index < 0 ? null : index;
}
