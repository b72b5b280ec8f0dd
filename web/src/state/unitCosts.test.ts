import { expect, test } from "vitest";
import { unitCosts } from "./unitCosts";

test("what has no price does not make the rest cheaper, and what nobody used is not $0.00", () => {
  const check = (block: [number, number, number, number], expected: [number | null, number | null]) => {
    const [cost, requestCount, unpricedRequestCount, totalTokens] = block;
    const { request, million } = unitCosts({ cost, requestCount, unpricedRequestCount, totalTokens });
    expect([request, million]).toEqual(expected);
  };
  check([5, 2, 0, 1_000_000], [2.5, 5]);
  check([5, 4, 2, 1_000_000], [2.5, null]);
  check([0, 2, 0, 500], [0, 0]);
  check([0, 2, 2, 500], [null, null]);
  check([0, 0, 0, 0], [null, null]);
  check([1, 1, 0, 0], [1, null]);
});
