import { describe, expect, test } from "vitest";
import type { Granularity } from "../time/buckets";
import { columnNames } from "./columnNames";
import { layOut, valueAt, type Drawing } from "./layout";
import { rateScale, scaleTo } from "./scale";
import type { Series, Timeline } from "./timeline";

const DAY = 86_400_000;
const HOUR = 3_600_000;

function timeline(granularity: Granularity, first: string, count: number, step = DAY): Timeline {
  const dates = Array.from({ length: count }, (_, i) => {
    const date = new Date(Date.parse(first) + i * step).toISOString();
    return granularity === "hour" ? date.slice(0, 16) : date.slice(0, 10);
  });
  const nothing = dates.map(() => 0);
  return {
    granularity,
    dates,
    lastDays: dates.map((date) => date.slice(0, 10)),
    totals: nothing,
    unpriced: nothing,
    errorRates: null,
    series: [],
    unfinished: null,
    before: null,
  };
}

const widthOf = (text: string) => text.length * 7;

describe("lines of the value axis", () => {
  test("are some four, at round values, the last above everything", () => {
    expect(scaleTo(932, false)).toEqual({ top: 1000, ticks: [0, 200, 400, 600, 800, 1000] });
    expect(scaleTo(0.0031, false)).toEqual({ top: 0.004, ticks: [0, 0.001, 0.002, 0.003, 0.004] });
    for (const highest of [1e-9, 0.7, 3, 41, 99, 1234, 5e6, 8.1e11]) {
      const { top, ticks } = scaleTo(highest, false);
      expect(top).toBeGreaterThanOrEqual(highest);
      expect(top).toBeLessThanOrEqual(highest * 2);
      expect(ticks.length).toBeGreaterThanOrEqual(3);
      expect(ticks.length).toBeLessThanOrEqual(6);
    }
  });

  test("are at whole numbers where something is counted", () => {
    expect(scaleTo(2, true)).toEqual({ top: 2, ticks: [0, 1, 2] });
    expect(scaleTo(1, true).ticks).toEqual([0, 1]);
  });

  test("are there where nothing was used", () => {
    expect(scaleTo(0, true)).toEqual({ top: 1, ticks: [0, 1] });
  });

  test("make few failures look few", () => {
    expect(rateScale([0.001, null])).toEqual({ top: 0.04, ticks: [0, 0.01, 0.02, 0.03, 0.04] });
    expect(rateScale([0.9]).top).toBe(1);
  });
});

describe("names of columns", () => {
  const named = (line: Timeline, left: number, end: number) => {
    const step = (end - left) / line.dates.length;
    return columnNames(line, { left, step, end }, widthOf);
  };
  const texts = (line: Timeline, left: number, end: number) => named(line, left, end).map(({ text }) => text);

  test("never reach beyond an edge or into one another, at any width", () => {
    const lines = [
      timeline("day", "2026-11-01", 30),
      timeline("day", "2025-12-02", 365),
      timeline("hour", "2026-11-01T00:00Z", 24, HOUR),
      timeline("hour", "2026-11-01T00:00Z", 24 * 14, HOUR),
      timeline("week", "2026-01-05", 40, 7 * DAY),
      timeline("day", "2026-11-30", 1),
    ];
    for (const line of lines) {
      for (let width = 240; width < 1500; width += 7) {
        const names = named(line, 44, width - 4);
        expect(names.length).toBeGreaterThan(0);
        names.forEach(({ text, middle }, i) => {
          const half = widthOf(text) / 2;
          expect(middle + half).toBeLessThanOrEqual(width - 4);
          const before = names[i - 1];
          if (before) expect(before.middle + widthOf(before.text) / 2).toBeLessThan(middle - half);
        });
      }
    }
  });

  test("are as many as there is room for, at equal distances", () => {
    expect(texts(timeline("day", "2026-11-01", 7), 40, 700)).toHaveLength(7);
    expect(texts(timeline("day", "2026-11-01", 30), 40, 380)).toEqual(["Nov 1", "Nov 7", "Nov 13", "Nov 19", "Nov 25"]);
  });

  test("say the year where it turns, however narrow", () => {
    for (const end of [1000, 386]) {
      const some = texts(timeline("day", "2025-12-02", 365), 40, end);
      expect(some.filter((text) => text.includes("2026"))).toHaveLength(1);
    }
  });

  test("are days where there are many hours", () => {
    expect(texts(timeline("hour", "2026-11-01T00:00Z", 72, HOUR), 40, 900)).toEqual(["Nov 1", "Nov 2", "Nov 3"]);
  });
});

describe("a layout", () => {
  const one: Series = { id: "a", keys: ["a"], label: "a", other: false, ordinal: 0, note: null, values: [3, 0, 5], total: 8, unpriced: [0, 0, 0] };
  const line = { ...timeline("day", "2026-11-01", 3), series: [one, { ...one, id: "b", values: [4, 1, 1] }] };
  const drawing = (change: Partial<Drawing>): Drawing => ({
    timeline: line,
    kind: "bars",
    metric: "requests",
    hidden: new Set(),
    looks: new Map(),
    palette: { series: [], other: "", bad: "", surface: "", axis: "", grid: "", label: "", text: "", font: "" },
    ...change,
  });
  const size = { width: 400, height: 320 };

  test("has room for stacked bars, and for lines one by one", () => {
    expect(layOut(drawing({}), size, widthOf).values.top).toBe(8);
    expect(layOut(drawing({ kind: "lines" }), size, widthOf).values.top).toBe(5);
    expect(layOut(drawing({ hidden: new Set(["a"]) }), size, widthOf).values.top).toBe(4);
  });

  test("has room for the window before and for rates", () => {
    const before = { from: "2026-10-01", to: "2026-10-03", values: [40, null, 2], unpriced: [0, 0, 0], dates: [], lastDays: [] };
    expect(layOut(drawing({ timeline: { ...line, before } }), size, widthOf).values.top).toBe(40);
    const failing = layOut(drawing({ timeline: { ...line, errorRates: [0.1, null, 0] } }), size, widthOf);
    expect(failing.rates?.labels).toEqual(["0%", "5%", "10%", "15%", "20%"]);
    const calm = layOut(drawing({}), size, widthOf);
    expect(failing.area.width).toBeLessThan(calm.area.width);
  });

  test("tells the value at a height", () => {
    const layout = layOut(drawing({}), size, widthOf);
    const { top, height } = layout.area;
    expect(valueAt(layout, top)).toBe(8);
    expect(valueAt(layout, top + height)).toBe(0);
    expect(valueAt(layout, top + height / 2)).toBe(4);
  });
});
