import type { CustomSeriesOption } from "echarts/charts";
import { graphic } from "echarts/core";

/** Where a series stands, in pixels: the middle of the first column, from one to the next, the axis, and of one unit. */
export interface Place {
  first: number;
  step: number;
  zero: number;
  unit: number;
}

export type Paint = (context: CanvasRenderingContext2D, place: Place) => void;

const SHAPE = "painted";

/** In an object of its own: what a shape holds is copied, and a function by itself is taken for a list of numbers. */
type PaintedShape = { painting: { paint: Paint; place: Place } } | Record<string, never>;

graphic.registerShape(
  SHAPE,
  graphic.extendShape({
    shape: {},
    /**
     * Paints at once, which works with every painting as long as the shape keeps no path: it is silent, and chart.css
     * keeps the pointer away, for hit-testing would make it a path to keep, with nothing in it to paint again.
     */
    buildPath(path, { painting }: PaintedShape) {
      const context = "getContext" in path ? path.getContext() : path;
      if (!context || !painting) return;
      context.save();
      painting.paint(context as CanvasRenderingContext2D, painting.place);
      context.restore();
      // What is left as a path would be filled.
      context.beginPath();
    },
  }),
);

/**
 * A series that paints itself in one shape. ECharts' own columns are a shape each, with a style, states and a label to
 * be looked up, and a year by ten series has 3,650 of them; its own lines are a twentieth of its code.
 */
export function paintedSeries(
  id: string,
  highest: number,
  paint: Paint,
  { yAxisIndex = 0, z = 2 }: { yAxisIndex?: number; z?: number } = {},
): CustomSeriesOption {
  return {
    id,
    type: "custom",
    yAxisIndex,
    z,
    data: [[0, highest]],
    renderItem: (_, api) => {
      const [first = 0, top = 0] = api.coord([0, highest]);
      const [, zero = 0] = api.coord([0, 0]);
      const size = api.size?.([1, 0]) as number[] | undefined;
      const place = { first, step: size?.[0] ?? 0, zero, unit: highest === 0 ? 0 : (zero - top) / highest };
      return { type: SHAPE, silent: true, shape: { painting: { paint, place } } } as never;
    },
  };
}
