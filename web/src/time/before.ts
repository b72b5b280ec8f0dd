import { addDays, daysInclusive } from "./day";
import type { Span } from "./presets";

/** As many days just before; what the server compares with. */
export function spanBefore(span: Span): Span {
  const days = daysInclusive(span.from, span.to);
  return { from: addDays(span.from, -days), to: addDays(span.from, -1) };
}

/**
 * For every bucket of the window before, the index of the bucket it is set against: the one with the same day of
 * the window and the same time on the clock. Both windows' buckets may be cut differently (weeks, months, days of
 * 23 or 25 hours), so the former ones are days or hours and go where they fall; none is left out.
 */
export function fellows(dates: readonly string[], window: Span, formerDates: readonly string[]): number[] {
  const days = daysInclusive(window.from, window.to);
  const starts = dates.map(wallClock);
  let last = "";
  return formerDates.map((former) => {
    const shifted = addDays(former.slice(0, 10), days) + wallClock(former).slice(10);
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
