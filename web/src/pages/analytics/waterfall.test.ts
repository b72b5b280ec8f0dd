import { expect, test } from "vitest";
import type { Change, ChangePart } from "../../api/change";
import { movedMost, waterfall } from "./waterfall";

function part(cause: ChangePart["cause"], items: Record<string, number>): ChangePart {
  const of = Object.entries(items).map(([key, cost]) => ({ key, label: key.toUpperCase(), cost }));
  return { cause, cost: of.reduce((sum, { cost }) => sum + cost, 0), items: of };
}

function change(before: number, after: number, parts: ChangePart[]): Change {
  const side = (cost: number) => ({ from: "2026-06-01", to: "2026-06-30", cost });
  return { before: side(before), after: side(after), difference: after - before, parts } as unknown as Change;
}

test("bars go from what was before to what is after", () => {
  const bars = waterfall(change(10, 15, [part("volume", { a: 10 }), part("price", {}), part("gone", { b: -5 })]));
  expect(bars).toEqual([
    { name: "before", amount: 10, start: 0, end: 0.5 },
    { name: "volume", amount: 10, start: 0.5, end: 1 },
    { name: "price", amount: 0, start: 1, end: 1 },
    { name: "gone", amount: -5, start: 0.75, end: 1 },
    { name: "after", amount: 15, start: 0, end: 0.75 },
  ]);
});

test("nothing spent at all has bars of no width", () => {
  expect(waterfall(change(0, 0, [])).every(({ start, end }) => start === 0 && end === 0)).toBe(true);
});

test("the entries that moved most come first, each with its largest cause", () => {
  const parts = [part("volume", { a: 3, b: -1 }), part("mix", { a: 1 }), part("new", { c: 9 })];
  expect(movedMost(change(0, 12, parts), 2)).toEqual([
    { id: "c", keys: ["c"], label: "C", amount: 9, cause: "new", ofThat: null },
    { id: "a", keys: ["a"], label: "A", amount: 4, cause: "volume", ofThat: 3 },
  ]);
});
