import { expect, it } from "vitest";
import { stripDays } from "./strip";

it("draws every day, those without usage too, and marks those on which something would have been told", () => {
  const costs = [
    { date: "2026-06-01", cost: 5 },
    { date: "2026-06-03", cost: 20 },
  ];
  const fired = [{ at: "2026-06-03T10:00:00+02:00" }, { at: "2026-06-03T11:00:00+02:00" }];
  expect(stripDays("2026-06-01", "2026-06-03", costs, fired)).toEqual([
    { day: "2026-06-01", height: 0.25, fired: false },
    { day: "2026-06-02", height: 0, fired: false },
    { day: "2026-06-03", height: 1, fired: true },
  ]);
  expect(stripDays("2026-06-01", "2026-06-01", [], [])).toEqual([{ day: "2026-06-01", height: 0, fired: false }]);
});
