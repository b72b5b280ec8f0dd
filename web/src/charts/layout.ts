import { axisPercent } from "../format/counts";
import type { Look } from "../state/colours";
import type { Metric } from "../state/view";
import { columnNames, type ColumnName } from "./columnNames";
import { axisFigure } from "./measure";
import type { Palette } from "./palette";
import { rateScale, scaleTo, type Scale } from "./scale";
import { ERROR_RATE, type Series, type Timeline } from "./timeline";

export interface Drawing {
  timeline: Timeline;
  kind: "bars" | "lines";
  metric: Metric;
  hidden: ReadonlySet<string>;
  looks: ReadonlyMap<string, Look>;
  palette: Palette;
}

export interface Size {
  width: number;
  height: number;
}

/** Where the columns are, in pixels of the chart. */
export interface Area extends Size {
  left: number;
  top: number;
}

export interface Axis extends Scale {
  /** What is written beside each of the ticks. */
  labels: readonly string[];
}

/** A drawing that knows where everything goes. */
export interface Layout extends Drawing {
  size: Size;
  area: Area;
  /** What is drawn of the series. */
  shown: readonly Series[];
  values: Axis;
  rates: Axis | null;
  names: readonly ColumnName[];
}

/** Between what is written and the edge, and between it and the columns. */
const EDGE = 4;
export const BESIDE = 10;
/** Space above the columns, for the highest label. */
const TOP = 14;
export const FONT_SIZE = 12;

export function layOut(drawing: Drawing, size: Size, widthOf: (text: string) => number): Layout {
  const { timeline, metric, hidden } = drawing;
  const shown = timeline.series.filter((series) => !hidden.has(series.id));
  const errorRates = hidden.has(ERROR_RATE) ? null : timeline.errorRates;

  const values = labelled(scaleTo(highest(drawing, shown), metric !== "cost"), (value) => axisFigure(value, metric));
  const rates = errorRates && labelled(rateScale(errorRates), axisPercent);
  const beside = (axis: Axis) => Math.max(...axis.labels.map(widthOf)) + BESIDE;
  const left = EDGE + beside(values);
  const right = EDGE + (rates ? beside(rates) : 0);
  const area = {
    left,
    top: TOP,
    width: Math.max(1, size.width - left - right),
    height: Math.max(1, size.height - TOP - BESIDE - FONT_SIZE - EDGE),
  };
  const columns = { left, step: area.width / timeline.dates.length, end: size.width - EDGE };
  return { ...drawing, size, area, shown, values, rates, names: columnNames(timeline, columns, widthOf) };
}

/** Where a series stands, in pixels: the middle of the first column, from one to the next, the axis, and of one unit. */
export interface Place {
  first: number;
  step: number;
  zero: number;
  unit: number;
}

export function placeOf({ area, timeline }: Layout, { top }: Axis): Place {
  const step = area.width / timeline.dates.length;
  return { first: area.left + step / 2, step, zero: area.top + area.height, unit: area.height / top };
}

/** What the value axis says at this height of the chart. */
export function valueAt({ area, values }: Layout, y: number): number {
  return ((area.top + area.height - y) / area.height) * values.top;
}

function labelled(scale: Scale, text: (value: number) => string): Axis {
  return { ...scale, labels: scale.ticks.map(text) };
}

function highest({ timeline, kind }: Drawing, shown: readonly Series[]): number {
  const own = timeline.dates.map((_, i) => {
    const values = shown.map((series) => series.values[i] ?? 0);
    return kind === "bars" ? values.reduce((sum, value) => sum + value, 0) : Math.max(0, ...values);
  });
  return Math.max(0, ...own, ...(timeline.before?.values ?? []).map((value) => value ?? 0));
}
