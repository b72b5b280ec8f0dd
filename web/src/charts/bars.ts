import { fillStyle } from "./fill";
import type { Place } from "./layout";

/** Stacked columns, one for each bucket. */
export interface Bars {
  stack: readonly { colour: string; pattern: number; values: readonly number[] }[];
  columns: number;
  /** Space between columns, as a share of their distance. */
  gap: number;
  /** Pixels around every part that show the background, so that neighbours of like colour stay apart. */
  hairline: number;
  /** The column that is still being filled. */
  unfinished: number | null;
  surface: string;
}

const WIDEST = 44;
const HATCH_DISTANCE = 8;

export function paintBars(context: CanvasRenderingContext2D, bars: Bars, { first, step, zero, unit }: Place): void {
  const width = Math.min(step * (1 - bars.gap), WIDEST);
  const left = (column: number) => first + column * step - width / 2;
  const tops = new Float64Array(bars.columns).fill(zero);
  for (const { colour, pattern, values } of bars.stack) {
    context.fillStyle = fillStyle(context, colour, pattern, bars.surface);
    for (let i = 0; i < bars.columns; i++) {
      const height = (values[i] ?? 0) * unit;
      if (height === 0) continue;
      const top = (tops[i] ?? zero) - height;
      tops[i] = top;
      const inset = height > 2 * bars.hairline ? bars.hairline : 0;
      // Rectangles one by one: a path of them all is filled many times slower where no graphics card does it.
      context.fillRect(left(i) + bars.hairline, top + inset, width - 2 * bars.hairline, height - 2 * inset);
    }
  }
  if (bars.unfinished !== null) {
    const top = tops[bars.unfinished] ?? zero;
    hatch(context, bars.surface, { x: left(bars.unfinished), y: top, width, height: zero - top });
  }
}

/** Hatching says "not whole yet" without depending on colour. */
function hatch(context: CanvasRenderingContext2D, surface: string, box: { x: number; y: number; width: number; height: number }) {
  const { x, y, width, height } = box;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.globalAlpha = 0.28;
  context.fillStyle = surface;
  context.fillRect(x, y, width, height);
  context.globalAlpha = 0.72;
  context.strokeStyle = surface;
  context.lineWidth = 2;
  context.beginPath();
  for (let down = 0; down < width + height; down += HATCH_DISTANCE) {
    context.moveTo(x, y + down);
    context.lineTo(x + width, y + down - width);
  }
  context.stroke();
  context.restore();
}
