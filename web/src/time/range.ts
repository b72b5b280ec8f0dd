import { daysInclusive, isDay, type Day } from "./day";
import { presetSpan, type Preset, type Span } from "./presets";

/** The server's limit for one question at day granularity. */
const MAX_DAYS = 366;

export type Range = { kind: "preset"; preset: Preset } | ({ kind: "custom" } & Span);

export const DEFAULT_RANGE: Range = { kind: "preset", preset: "last-30-days" };

export function resolveRange(range: Range, today: Day): Span {
  return range.kind === "preset" ? presetSpan(range.preset, today) : { from: range.from, to: range.to };
}

export type SpanFault = "incomplete" | "reversed" | "too-long";

export function spanFault(from: Day | undefined, to: Day | undefined): SpanFault | null {
  if (!from || !to || !isDay(from) || !isDay(to)) return "incomplete";
  if (from > to) return "reversed";
  return daysInclusive(from, to) > MAX_DAYS ? "too-long" : null;
}
