import { expect, test } from "vitest";
import { unitCosts } from "./unitCosts";

test("what nobody used costs nothing each, and is not $0.00", () => {
  const check = (block: [number, number, number], expected: [number | null, number | null]) => {
    const [cost, requestCount, totalTokens] = block;
    const { request, million } = unitCosts({ cost, requestCount, totalTokens });
    expect([request, million]).toEqual(expected);
  };
  check([5, 2, 1_000_000], [2.5, 5]);
  check([0, 2, 500], [0, 0]);
  check([0, 0, 0], [null, null]);
  check([1, 1, 0], [1, null]);
});
