import { addDays, isDay, startOfMonth, type Day } from "./day";
import type { Span } from "./presets";
import { spanFault } from "./range";

/** "2026-06" is a month, "2026-06-01" a day; two of either are a span. Null for anything else. */
export function typedSpan(text: string): Span | null {
  const [from, to = from, ...more] = text.trim().split(/(?:\s|–|\.\.)+/).map(spanOf);
  if (!from || !to || more.length > 0) return null;
  const span = { from: from.from, to: to.to };
  return spanFault(span.from, span.to) === null ? span : null;
}

function spanOf(text: string): Span | null {
  if (isDay(text)) return { from: text, to: text };
  return isDay(`${text}-01`) ? monthOf(`${text}-01`) : null;
}

function monthOf(first: Day): Span {
  return { from: first, to: addDays(startOfMonth(first, 1), -1) };
}

/** The whole months before today's, latest first. */
export function monthsBefore(today: Day, count: number): Span[] {
  return Array.from({ length: count }, (_, i) => monthOf(startOfMonth(today, -1 - i)));
}
