import type { CustomSeriesOption } from "echarts/charts";
import { graphic } from "echarts/core";
import { fillStyle } from "./fill";

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

/** Where they stand, in pixels: the middle of the first column, from one to the next, the axis, and of one unit. */
interface Place {
  first: number;
  step: number;
  zero: number;
  unit: number;
}

const SHAPE = "stackedBars";
const WIDEST = 44;
const HATCH_DISTANCE = 8;

type BarsShape = { bars: Bars; place: Place } | Record<string, never>;

graphic.registerShape(
  SHAPE,
  graphic.extendShape({
    shape: {},
    /**
     * Paints at once, which works with every painting as long as the shape keeps no path: it is silent, and chart.css
     * keeps the pointer away, for hit-testing would make it a path to keep, with nothing in it to paint again.
     */
    buildPath(path, { bars, place }: BarsShape) {
      const context = "getContext" in path ? path.getContext() : path;
      if (context && bars && place) paint(context as CanvasRenderingContext2D, bars, place);
    },
  }),
);

/**
 * A series that draws every column itself, in one shape. ECharts' own bars are a shape each, with a style, states and
 * a label to be looked up, and a year by ten series has 3,650 of them.
 */
export function barsSeries(bars: Bars): CustomSeriesOption {
  const heights = Array.from({ length: bars.columns }, (_, i) => heightOf(bars, i));
  const highest = Math.max(0, ...heights);
  return {
    id: "~bars",
    type: "custom",
    data: [[0, highest]],
    renderItem: (_, api) => {
      const [first = 0, top = 0] = api.coord([0, highest]);
      const [, zero = 0] = api.coord([0, 0]);
      const size = api.size?.([1, 0]) as number[] | undefined;
      const place = { first, step: size?.[0] ?? 0, zero, unit: highest === 0 ? 0 : (zero - top) / highest };
      return { type: SHAPE, silent: true, shape: { bars, place } } as never;
    },
  };
}

function heightOf({ stack }: Bars, column: number): number {
  return stack.reduce((sum, { values }) => sum + (values[column] ?? 0), 0);
}

function paint(context: CanvasRenderingContext2D, bars: Bars, { first, step, zero, unit }: Place): void {
  const width = Math.min(step * (1 - bars.gap), WIDEST);
  const left = (column: number) => first + column * step - width / 2;
  const tops = new Float64Array(bars.columns).fill(zero);
  context.save();
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
  context.restore();
}

/** Hatching says "not whole yet" without depending on colour. */
function hatch(context: CanvasRenderingContext2D, surface: string, box: { x: number; y: number; width: number; height: number }) {
  const { x, y, width, height } = box;
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
}
