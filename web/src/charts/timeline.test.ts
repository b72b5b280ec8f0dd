import { describe, expect, test } from "vitest";
import type { ModelDay } from "../api/blocks";
import type { Activity } from "../api/types";
import { figure, figureOf } from "./measure";
import { modelTimeline, seriesAt, timeline } from "./timeline";
import { bucketFacts, spokenFacts } from "./Tooltip";

const window = { from: "2026-06-01", to: "2026-06-02", asOf: "2026-07-01T00:00:00Z" };
const TODAY = "2026-07-01";

function day(date: string, costs: [string, string, number][]): ModelDay {
  const modelBreakdown = costs.map(([id, provider, cost]) => ({ id, label: id, provider, cost }));
  return { date, cost: costs.reduce((sum, [, , cost]) => sum + cost, 0), modelBreakdown } as unknown as ModelDay;
}

test("a model of two providers is one series", () => {
  const activity = [day("2026-06-01", [["a", "x", 1], ["a", "y", 2], ["b", "x", 5]]), day("2026-06-02", [])];
  const { series, totals } = modelTimeline({ ...window, activity }, "cost", "Other", TODAY);
  expect(series.map(({ id, values }) => [id, values])).toEqual([["b", [5, 0]], ["a", [3, 0]]]);
  expect(totals).toEqual([8, 0]);
});

test("more models than colours end in a rest that keeps the sum", () => {
  const many = Array.from({ length: 12 }, (_, i): [string, string, number] => [`m${i}`, "x", i + 1]);
  const { series } = modelTimeline({ ...window, activity: [day("2026-06-01", many)] }, "cost", "Other", TODAY);
  expect(series).toHaveLength(10);
  expect(series.at(-1)).toMatchObject({ other: true, label: "Other", total: 1 + 2 + 3 });
});

test("requests have their error rate, by day and only where some failed", () => {
  const counted = (date: string, requestCount: number, errorCount: number) =>
    ({ ...day(date, []), requestCount, errorCount }) as ModelDay;
  const some = [counted("2026-06-01", 8, 1), counted("2026-06-02", 0, 0)];
  const drawn = (activity: ModelDay[], metric: "requests" | "cost") =>
    modelTimeline({ ...window, activity }, metric, "Other", TODAY);
  expect(drawn(some, "requests").errorRates).toEqual([0.125, null]);
  expect(drawn(some, "cost").errorRates).toBeNull();
  expect(drawn([counted("2026-06-01", 8, 0)], "requests").errorRates).toBeNull();
  const facts = (hidden: string[]) => bucketFacts(drawn(some, "requests"), 0, new Set(hidden));
  expect(spokenFacts(facts([]), "requests", null)).toContain("Error rate: 12.5%");
  expect(spokenFacts(facts(["~errors"]), "requests", null)).not.toContain("Error rate");
});

test("which part of a stacked bar is at a height", () => {
  const { series } = modelTimeline(
    { ...window, activity: [day("2026-06-01", [["a", "x", 5], ["b", "x", 3]])] },
    "cost",
    "Other",
    TODAY,
  );
  expect(seriesAt(series, 0, 4)?.id).toBe("a");
  expect(seriesAt(series, 0, 6)?.id).toBe("b");
  expect(seriesAt(series, 0, 9)).toBeNull();
  expect(seriesAt(series, 0, -1)).toBeNull();
});

describe("activity", () => {
  const bucket = (date: string, parts: [string | null, string | null, number][]) => ({
    date,
    cost: parts.reduce((sum, [, , cost]) => sum + cost, 0),
    breakdown: parts.map(([a, b, cost]) => ({ keys: [a, b], labels: [a ?? "Other", b ?? "Other"], cost })),
  });
  const activity = {
    ...window,
    activity: [bucket("2026-06-01", [["p", "m", 1], [null, null, 9]]), bucket("2026-06-02", [["q", "m", 4]])],
  } as unknown as Activity;

  test("two pivots make pairs of the series, and one rest", () => {
    const { series, before } = timeline(activity, "cost", "day", null, TODAY);
    expect(series.map(({ id, keys, label, other }) => [id, keys, label, other])).toEqual([
      ["q m", ["q", "m"], "q · m", false],
      ["p m", ["p", "m"], "p · m", false],
      ["~other", [null, null], "Other", true],
    ]);
    expect(before).toBeNull();
  });

  test("the window before is laid onto the buckets of this one", () => {
    const former = {
      from: "2026-05-30",
      to: "2026-05-31",
      activity: [bucket("2026-05-30", [["p", "m", 2]]), bucket("2026-05-31", [["p", "m", 3]])],
    } as unknown as Activity;
    expect(timeline(activity, "cost", "day", former, TODAY).before?.values).toEqual([2, 3]);
    // 1 June is a Monday, so the two days are one week.
    const week = { ...activity, activity: activity.activity.slice(0, 1) };
    expect(timeline(week, "cost", "week", former, TODAY).before).toEqual({
      from: "2026-05-30",
      to: "2026-05-31",
      values: [5],
      unpriced: [0],
      dates: ["2026-05-30"],
      lastDays: ["2026-05-31"],
    });
  });
});

describe("a call without a price is not one for nothing", () => {
  test.each([
    [0, 2, "no price"],
    [0, 0, "$0.00"],
    [1.5, 2, "$1.50"],
  ])("%s of which %s have none: %s", (cost, unpriced, shown) => {
    const block = { cost, requestCount: 3, totalTokens: 30, unpricedRequestCount: unpriced };
    expect(figureOf(block, "cost")).toBe(shown);
    expect(figureOf(block, "requests")).toBe("3");
  });

  test("neither in a bar's tooltip nor for those who hear it", () => {
    const priced = { id: "a", label: "a", provider: "x", ordinal: 1, cost: 2, requestCount: 1 };
    const unpriced = { id: "b", label: "b", provider: "y", ordinal: 2, cost: 0, requestCount: 4, unpricedRequestCount: 4 };
    const activity = [{ date: "2026-06-01", cost: 2, unpricedRequestCount: 4, modelBreakdown: [priced, unpriced] }];
    const drawn = modelTimeline({ ...window, activity: activity as unknown as ModelDay[] }, "cost", "Other", TODAY);
    const facts = bucketFacts(drawn, 0, new Set());
    expect(facts.largest.map(({ series, value, unpriced }) => [series.id, figure(value, "cost", unpriced)])).toEqual([
      ["a", "$2.00"],
      ["b", "no price"],
    ]);
    expect(spokenFacts(facts, "cost", null)).toContain("b no price");
  });
});
