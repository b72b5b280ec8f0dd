import type { CustomSeriesOption } from "echarts/charts";
import type { GridComponentOption } from "echarts/components";
import type { ComposeOption } from "echarts/core";
import { axisPercent } from "../format/counts";
import { axisLabel, axisMonth } from "../format/dates";
import type { Look } from "../state/colours";
import type { Metric } from "../state/view";
import { barsSeries } from "./bars";
import { lineSeries } from "./lines";
import { lookOf } from "./look";
import { axisFigure } from "./measure";
import { colourIn, type Palette } from "./palette";
import { ERROR_RATE, type Before, type Series, type Timeline } from "./timeline";

export type ChartOption = ComposeOption<CustomSeriesOption | GridComponentOption>;

export interface Drawing {
  timeline: Timeline;
  kind: "bars" | "lines";
  metric: Metric;
  hidden: ReadonlySet<string>;
  looks: ReadonlyMap<string, Look>;
  palette: Palette;
}

/** Space above the drawing area, for the highest axis label. */
export const CHART_TOP = 14;

const LONG_WINDOW = 92;

/** More hours than this are read by their days. */
const FEW_HOURS = 48;

export function chartOption(drawing: Drawing): ChartOption {
  const { timeline, palette, metric } = drawing;
  const shown = timeline.series.filter((series) => !drawing.hidden.has(series.id));
  const inLines = drawing.kind === "lines";
  const errorRates = drawing.hidden.has(ERROR_RATE) ? null : timeline.errorRates;

  return {
    animation: false,
    textStyle: { fontFamily: palette.font },
    grid: { left: 4, right: 4, top: CHART_TOP, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    xAxis: {
      type: "category",
      data: timeline.dates,
      boundaryGap: true,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: palette.axis } },
      axisLabel: {
        color: palette.label,
        fontSize: 12,
        margin: 10,
        hideOverlap: true,
        ...labels(timeline),
      },
    },
    yAxis: [
      {
        type: "value",
        splitNumber: 4,
        axisLabel: {
          color: palette.label,
          fontSize: 12,
          margin: 10,
          formatter: (value: number) => axisFigure(value, metric),
        },
        splitLine: { lineStyle: { color: palette.grid } },
      },
      {
        type: "value",
        show: errorRates !== null,
        min: 0,
        max: highestRate(errorRates ?? []),
        interval: highestRate(errorRates ?? []) / 4,
        axisLabel: { color: palette.bad, fontSize: 12, margin: 10, formatter: axisPercent },
        // Lines across are the other axis's.
        splitLine: { show: false },
      },
    ],
    series: [
      ...(inLines ? shown.map((series) => line(series, drawing)) : [bars(shown, drawing)]),
      ...(timeline.before ? [beforeLine(timeline.before, drawing)] : []),
      ...(errorRates ? [errorLine(errorRates, drawing)] : []),
    ],
  };
}

/** Rates are read from the bottom; a few failures must not look like many. */
function highestRate(rates: readonly (number | null)[]): number {
  const highest = Math.max(0, ...rates.map((rate) => rate ?? 0));
  return [0.04, 0.08, 0.2, 0.4].find((top) => highest <= top) ?? 1;
}

/** Under many columns only those where something begins are named: a month among days, a day among hours. */
function labels(timeline: Timeline) {
  const { granularity, dates } = timeline;
  if (granularity === "day" && isLong(timeline)) {
    return { formatter: axisMonth, interval: (_: number, date: string) => date.slice(8, 10) === "01" };
  }
  if (granularity === "hour" && dates.length > FEW_HOURS) {
    // Some zones' days begin at one in the morning where clocks change, so the hour alone does not tell.
    const begins = (i: number) => dates[i]?.slice(0, 10) !== dates[i - 1]?.slice(0, 10);
    return { formatter: (date: string) => axisLabel(date, "day"), interval: begins };
  }
  return { formatter: (date: string) => axisLabel(date, granularity) };
}

function isLong({ dates }: Timeline): boolean {
  return dates.length > LONG_WINDOW;
}

/** Lines of one colour, by the pattern that bars of it have. Dashes alone are the rest and the window before. */
const LINES = [[], [2, 2], [10, 3, 2, 3], [2, 5]] as const;

function bars(shown: readonly Series[], { timeline, looks, palette }: Drawing): CustomSeriesOption {
  const long = isLong(timeline);
  const columns = timeline.dates.length;
  return barsSeries({
    stack: shown.map(({ id, values }) => {
      const look = lookOf(id, looks);
      return { colour: colourIn(palette, look), pattern: look.pattern, values };
    }),
    columns,
    gap: columns > LONG_WINDOW * 4 ? 0 : long ? 0.12 : 0.26,
    hairline: long ? 0 : 0.5,
    unfinished: timeline.unfinished,
    surface: palette.surface,
  });
}

function line(series: Series, { looks, palette }: Drawing): CustomSeriesOption {
  const look = lookOf(series.id, looks);
  const dash = series.other ? [8, 4] : LINES[look.pattern];
  return lineSeries(series.id, series.values, [{ colour: colourIn(palette, look), width: 2, dash, dot: 6 }]);
}

function beforeLine({ values }: Before, { palette }: Drawing): CustomSeriesOption {
  // Dashes finer than the columns are wide would be dust.
  return edged("~before", values, palette.label, values.length > LONG_WINDOW ? [] : [4, 3], palette);
}

function errorLine(rates: readonly (number | null)[], { palette }: Drawing): CustomSeriesOption {
  return edged(ERROR_RATE, rates, palette.bad, [], palette, 1);
}

/** A line that is of everything crosses bars of any colour: its own edge keeps it legible. */
function edged(
  id: string,
  values: readonly (number | null)[],
  colour: string,
  dash: readonly number[],
  { surface }: Palette,
  yAxisIndex = 0,
): CustomSeriesOption {
  const many = values.length > LONG_WINDOW;
  const edge = { colour: surface, width: many ? 2.5 : 4, opacity: 0.75, dot: 9 };
  return lineSeries(id, values, [edge, { colour, width: many ? 1 : 1.5, dash, dot: 6 }], { yAxisIndex, z: 3 });
}
