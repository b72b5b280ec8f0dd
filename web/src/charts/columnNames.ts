import { axisLabel, axisMonth } from "../format/dates";
import { isLong, type Timeline } from "./timeline";

/** The name of a column, and its middle in pixels of the chart. */
export interface ColumnName {
  text: string;
  middle: number;
}

/** Columns from `left` on, each as wide as the others; nothing is written beyond `end`. */
interface Columns {
  left: number;
  step: number;
  end: number;
}

/** More hours than this are read by their days. */
const FEW_HOURS = 48;

const APART = 12;
/** Of hours each makes a day; of the rest any does. */
const EVERY = [1, 2, 3, 4, 6, 8, 12, 24];

/** As many names under the columns as there is room for, at equal distances. */
export function columnNames(
  timeline: Timeline,
  { left, step, end }: Columns,
  widthOf: (text: string) => number,
): ColumnName[] {
  const { dates } = timeline;
  const nameOf = naming(timeline);
  const named = dates.flatMap((date, i) => (begins(timeline, i) ? { i, text: nameOf(date) } : []));
  const all = named.map(({ i, text }) => {
    const half = widthOf(text) / 2;
    return { i, text, half, middle: Math.min(left + (i + 0.5) * step, end - half) };
  });
  // Of months the first of a year alone says which.
  const anchor = Math.max(0, isLong(timeline) ? all.findIndex(({ i }) => dates[i]?.slice(5, 7) === "01") : 0);
  const shown = EVERY.map((every) => all.filter((_, i) => (i - anchor) % every === 0)).find((some) =>
    some.every((name, i) => {
      const before = some[i - 1];
      return !before || before.middle + before.half + APART <= name.middle - name.half;
    }),
  );
  return shown ?? all.slice(0, 1);
}

/** Under many columns only those where something begins are named: a month among days, a day among hours. */
function begins(timeline: Timeline, i: number): boolean {
  const { granularity, dates } = timeline;
  if (granularity === "day" && isLong(timeline)) return dates[i]?.slice(8, 10) === "01";
  // Some zones' days begin at one in the morning where clocks change, so the hour alone does not tell.
  if (byDays(timeline)) return dates[i]?.slice(0, 10) !== dates[i - 1]?.slice(0, 10);
  return true;
}

function naming(timeline: Timeline): (date: string) => string {
  const { granularity } = timeline;
  if (granularity === "day" && isLong(timeline)) return axisMonth;
  return (date) => axisLabel(date, byDays(timeline) ? "day" : granularity);
}

function byDays({ granularity, dates }: Timeline): boolean {
  return granularity === "hour" && dates.length > FEW_HOURS;
}
