import { expect, test } from "vitest";
import { exactText } from "../../api/exact";
import type { KeyRow } from "../../api/keys";
import { sumOf } from "./sums";

function row(cost: number): KeyRow {
  return { cost, requestCount: 1, totalTokens: 2, errorCount: 0, clientErrorCount: 0 } as KeyRow;
}

test("money is added without the errors of doubles", () => {
  const sum = sumOf([row(0.1), row(0.2), row(1e-12)]);
  expect(exactText(sum, "cost")).toBe("0.300000000001");
  expect(sum).toMatchObject({ requestCount: 3, totalTokens: 6 });
});

test("nothing adds up to nothing", () => expect(exactText(sumOf([]), "cost")).toBe("0"));
