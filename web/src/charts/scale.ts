import { nice, ticks } from "d3-array";

/** What an axis of values reaches up to from zero, and where it has its lines. */
export interface Scale {
  top: number;
  ticks: readonly number[];
}

const LINES = 4;

/** Some four lines at round values. What is counted has none between two whole numbers. */
export function scaleTo(highest: number, counted: boolean): Scale {
  const [, top] = nice(0, highest > 0 ? highest : 1, LINES);
  const all = ticks(0, top, LINES);
  return { top, ticks: counted ? all.filter(Number.isInteger) : all };
}

/** Rates are read from the bottom; a few failures must not look like many. */
export function rateScale(rates: readonly (number | null)[]): Scale {
  const highest = Math.max(0, ...rates.map((rate) => rate ?? 0));
  const top = [0.04, 0.08, 0.2, 0.4].find((top) => highest <= top) ?? 1;
  return { top, ticks: Array.from({ length: LINES + 1 }, (_, i) => (top * i) / LINES) };
}
