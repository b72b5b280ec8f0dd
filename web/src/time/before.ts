import {
  addDays,
  daysInclusive,
  endOfMonth,
  monthsEarlier,
  startOfMonth,
  startOfQuarter,
  startOfYear,
  type Day,
} from "./day";
import type { Preset, Span } from "./presets";
import type { Range } from "./range";

/** What a window is compared with: by itself, what means the same. */
export const comparisons = ["fitting", "previous", "previousMonth", "previousYear", "weekdays"] as const;
export type Comparison = (typeof comparisons)[number];

type Back = Exclude<Comparison, "fitting"> | "previousQuarter";

const fitting: Partial<Record<Preset, Back>> = {
  "this-week": "weekdays",
  "last-week": "weekdays",
  "this-month": "previousMonth",
  "last-month": "previousMonth",
  "this-quarter": "previousQuarter",
  "last-quarter": "previousQuarter",
  "this-year": "previousYear",
  "last-year": "previousYear",
};

/** The earlier window that one is set against: October has September, the year so far the same dates a year ago. */
export function spanBefore(span: Span, how: Comparison, range: Range, today: Day): Span {
  const back = how === "fitting" ? fittingFor(span, range, today) : how;
  if (back === "previousMonth") return shifted(span, 1);
  if (back === "previousQuarter") return shifted(span, 3);
  if (back === "previousYear") return shifted(span, 12);
  const days = daysInclusive(span.from, span.to);
  const by = back === "weekdays" ? Math.ceil(days / 7) * 7 : days;
  return { from: addDays(span.from, -by), to: addDays(span.to, -by) };
}

function fittingFor({ from, to }: Span, range: Range, today: Day): Back {
  if (range.kind === "preset") return fitting[range.preset] ?? "previous";
  /** All of a stretch of the calendar, or as much of it as there is yet. */
  const whole = (first: Day, next: Day) => from === first && to < next && (to === addDays(next, -1) || to === today);
  if (whole(startOfMonth(from), startOfMonth(from, 1))) return "previousMonth";
  if (whole(startOfQuarter(from), startOfQuarter(from, 1))) return "previousQuarter";
  if (whole(startOfYear(from), startOfYear(from, 1))) return "previousYear";
  return "previous";
}

/** Whole months are set against whole months, however long they are; other days against the same days. */
function shifted({ from, to }: Span, months: number): Span {
  const whole = from === startOfMonth(from) && to === endOfMonth(to);
  const last = monthsEarlier(to, months);
  return { from: monthsEarlier(from, months), to: whole ? endOfMonth(last) : last };
}

/**
 * For every bucket of the earlier window, the index of the bucket it is set against: the one with the same day of
 * the window and the same time on the clock. Both windows' buckets may be cut differently (weeks, months, days of
 * 23 or 25 hours), so the former ones are days or hours and go where they fall. Null for a day that the later window
 * has not: the 31st, beside a month of thirty.
 */
export function fellows(
  dates: readonly string[],
  window: Span,
  earlier: Span,
  formerDates: readonly string[],
): (number | null)[] {
  const days = daysInclusive(earlier.from, window.from) - 1;
  const starts = dates.map(wallClock);
  let last = "";
  return formerDates.map((former) => {
    const day = addDays(former.slice(0, 10), days);
    if (day > window.to) return null;
    const shifted = day + wallClock(former).slice(10);
    const again = shifted === last;
    last = shifted;
    const index = Math.max(0, starts.findLastIndex((start) => start <= shifted));
    // An hour that the clock goes through twice stands there twice; a single fellow belongs to the first.
    return !again && index > 0 && starts[index - 1] === starts[index] ? index - 1 : index;
  });
}

/** "2026-06-01" or "2026-06-01T02:00": without offset, texts compare as clocks read. */
function wallClock(date: string): string {
  return date.slice(0, 16);
}
