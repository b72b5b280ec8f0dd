import type { Place } from "./layout";

export interface Stroke {
  colour: string;
  width: number;
  dash?: readonly number[];
  opacity?: number;
  /** How wide a point is that has none beside it, and so would be no line. */
  dot: number;
}

/** A line through a value for each bucket, broken where there is none. */
export function paintLine(
  context: CanvasRenderingContext2D,
  values: readonly (number | null)[],
  { colour, width, dash = [], opacity = 1, dot }: Stroke,
  { first, step, zero, unit }: Place,
): void {
  context.save();
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
  context.restore();
}

function point(context: CanvasRenderingContext2D, x: number, y: number, width: number): void {
  const shape = new Path2D();
  shape.arc(x, y, width / 2, 0, 2 * Math.PI);
  context.fill(shape);
}
