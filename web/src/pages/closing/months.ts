import type { Closing } from "../../api/closings";
import type { IntakeLine } from "../../api/intake";
import type { Reconciliation } from "../../api/reconciliation";
import type { Month } from "../../state/closingView";
import { addDays, daysInclusive, endOfMonth, startOfMonth, type Day } from "../../time/day";
import type { Span } from "../../time/presets";

/** The month that it is, and the same one a year ago to set it against. */
const MONTHS = 13;

/** A source that sends on working days alone is not silent over a weekend, nor over a few holidays. */
const SILENT_DAYS = 7;

export interface MonthRow {
  month: Month;
  isOver: boolean;
  closing: Closing | null;
}

export function stateOf({ isOver, closing }: MonthRow): "running" | "open" | "closed" {
  if (closing) return "closed";
  return isOver ? "open" : "running";
}

export const monthOf = (day: Day): Month => day.slice(0, 7);

/** Newest first; what was closed stays in reach, however long ago it was. */
export function monthRows(today: Day, closings: readonly Closing[]): MonthRow[] {
  const closed = new Map(closings.map((closing) => [closing.month, closing]));
  const latest = Array.from({ length: MONTHS }, (_, i) => monthOf(startOfMonth(today, -i)));
  const months = [...new Set([...latest, ...closed.keys()])].sort().reverse();
  return months.map((month) => ({ month, isOver: month < monthOf(today), closing: closed.get(month) ?? null }));
}

/** What an address asks for, where such a month has begun; else the last one that is over. */
export function chosenMonth(asked: Month | null, today: Day): Month {
  return asked !== null && asked <= monthOf(today) ? asked : monthOf(startOfMonth(today, -1));
}

export function daysOf(month: Month): Span {
  const from = `${month}-01`;
  return { from, to: endOfMonth(from) };
}

export interface Sources {
  /** How many sent something that was taken. */
  count: number;
  /** Those of whom nothing came in the last days, with the day of their last; the longest silent first. */
  silent: { sender: string; last: Day }[];
  rejected: number;
}

/** What arrived in these days tells of those who sent it. */
export function sourcesOf(lines: readonly IntakeLine[], { to }: Span): Sources {
  const last = new Map<string, Day>();
  let rejected = 0;
  for (const { sender, date, result, count } of lines) {
    if (result === "rejected") rejected += count;
    if (result === "rejected" || result === "ignored") continue;
    if (date > (last.get(sender) ?? "")) last.set(sender, date);
  }
  const silent = [...last]
    .filter(([, day]) => day <= addDays(to, -SILENT_DAYS))
    .map(([sender, day]) => ({ sender, last: day }))
    .sort((a, b) => a.last.localeCompare(b.last) || a.sender.localeCompare(b.sender));
  return { count: last.size, silent, rejected };
}

/** Of how many days there is a report of costs, out of how many. */
export function reconciledDays({ from, to, costDays }: Pick<Reconciliation, "from" | "to" | "costDays">) {
  const all = daysInclusive(from, to);
  return { days: costDays, all, isWhole: costDays === all };
}
