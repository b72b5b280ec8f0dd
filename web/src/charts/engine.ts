import { CustomChart } from "echarts/charts";
import { GridSimpleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { CHART_TOP, chartOption, type Drawing } from "./option";

// Only what the charts need; tooltip, legend and brush are the page's own. The simple grid is the
// one without ECharts' axis pointer.
use([CustomChart, GridSimpleComponent, CanvasRenderer]);

export interface Area {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Plot {
  draw: (drawing: Drawing) => void;
  /** To the size of the element, or to another where the element has not got it yet. */
  resize: (size?: { width: number; height: number }) => void;
  /** Where the columns are, in pixels of the element; null before the first drawing. */
  area: () => Area | null;
  /** What the value axis says at this height of the element. */
  valueAt: (y: number) => number | null;
  canvas: () => HTMLCanvasElement;
  dispose: () => void;
}

export function plot(element: HTMLElement): Plot {
  const chart = init(element, null, { renderer: "canvas" });
  let columns = 0;

  return {
    draw(drawing) {
      columns = drawing.timeline.dates.length;
      chart.setOption(chartOption(drawing), { replaceMerge: ["series"] });
    },
    resize(size) {
      // An observer's first word is about the size that it was drawn in.
      const fits = chart.getWidth() === element.clientWidth && chart.getHeight() === element.clientHeight;
      if (size || !fits) chart.resize(size ?? { width: "auto", height: "auto" });
    },
    area() {
      if (columns === 0) return null;
      const first = Number(chart.convertToPixel({ xAxisIndex: 0 }, 0));
      const last = Number(chart.convertToPixel({ xAxisIndex: 0 }, columns - 1));
      const bottom = Number(chart.convertToPixel({ yAxisIndex: 0 }, 0));
      if (![first, last, bottom].every(Number.isFinite)) return null;
      // Pixels of a category are its centre; the first and the last column reach half a step further.
      const half = columns > 1 ? (last - first) / (columns - 1) / 2 : element.clientWidth - first - 4;
      return { left: first - half, top: CHART_TOP, width: last - first + half * 2, height: bottom - CHART_TOP };
    },
    valueAt(y) {
      if (columns === 0) return null;
      const value = Number(chart.convertFromPixel({ yAxisIndex: 0 }, y));
      return Number.isFinite(value) ? value : null;
    },
    canvas: () => chart.renderToCanvas({ pixelRatio: 2 }),
    dispose: () => chart.dispose(),
  };
}
