import type { components } from "../api/schema";
import type { Day } from "./day";

/**
 * What the server says of a zone. A browser has zone rules too, of whatever edition it came with, and a clock that
 * somebody has set: with those its "today" could be another day than the one that the figures are of.
 */
export type Calendar = components["schemas"]["Calendar"];

/** The longest that a page goes without asking again: rules and the server's clock can change under it. */
const MAX_WAIT_MS = 60_000;

/** When to ask for the calendar again: at the latest when the next day begins. */
export function askAgainInMs({ now, nextDayAt }: Pick<Calendar, "now" | "nextDayAt">): number {
  // The server's time is in whole seconds, so a question that comes a second early would come twice.
  return Math.min(Date.parse(nextDayAt) - Date.parse(now), MAX_WAIT_MS) + 1000;
}

/** What a clock in the zone shows at a moment: "2026-06-01T14:05:00", without an offset. */
export function wallClock(moment: string | Date, { offsets }: Pick<Calendar, "offsets">): string {
  const time = new Date(moment).getTime();
  // Before the first, which is the start of 2020, nothing is recorded.
  const { offset } = offsets.findLast(({ from }) => Date.parse(from) <= time) ?? offsets[0]!;
  return new Date(time + offsetMs(offset)).toISOString().slice(0, 19);
}

/** The calendar day that a moment falls on in the zone. */
export function dayAt(moment: string | Date, calendar: Pick<Calendar, "offsets">): Day {
  return wallClock(moment, calendar).slice(0, 10);
}

/** From UTC, at the server's time: "+05:30". */
export function offsetNow({ now }: Pick<Calendar, "now">): string {
  return now.slice(19);
}

/** The day it is in UTC, which no zone rules decide. */
export function todayInUtc({ now }: Pick<Calendar, "now">): Day {
  return new Date(now).toISOString().slice(0, 10);
}

/** "+05:30" */
function offsetMs(offset: string): number {
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4, 6));
  return (offset.startsWith("-") ? -minutes : minutes) * 60_000;
}
