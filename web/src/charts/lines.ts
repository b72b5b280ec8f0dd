import type { CustomSeriesOption } from "echarts/charts";
import { paintedSeries, type Place } from "./painted";

export interface Stroke {
  colour: string;
  width: number;
  dash?: readonly number[];
  opacity?: number;
  /** How wide a point is that has none beside it, and so would be no line. */
  dot: number;
}

/** A line through a value for each bucket, broken where there is none, painted with each stroke in turn. */
export function lineSeries(
  id: string,
  values: readonly (number | null)[],
  strokes: readonly Stroke[],
  where?: { yAxisIndex?: number; z?: number },
): CustomSeriesOption {
  const highest = Math.max(0, ...values.map((value) => value ?? 0));
  return paintedSeries(id, highest, (context, place) => strokes.forEach((each) => stroke(context, values, each, place)), where);
}

function stroke(
  context: CanvasRenderingContext2D,
  values: readonly (number | null)[],
  { colour, width, dash = [], opacity = 1, dot }: Stroke,
  { first, step, zero, unit }: Place,
): void {
  context.globalAlpha = opacity;
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.setLineDash([...dash]);
  const known = (i: number) => typeof values[i] === "number";
  context.beginPath();
  values.forEach((value, i) => {
    if (value === null) return;
    const [x, y] = [first + i * step, zero - value * unit];
    if (known(i - 1)) context.lineTo(x, y);
    else if (known(i + 1)) context.moveTo(x, y);
    else point(context, x, y, dot);
  });
  context.stroke();
}

function point(context: CanvasRenderingContext2D, x: number, y: number, width: number): void {
  const shape = new Path2D();
  shape.arc(x, y, width / 2, 0, 2 * Math.PI);
  context.fill(shape);
}
