import { expect, test } from "vitest";
import { exactText, parseExact } from "./exact";

test("ordinary numbers are their own text", () => {
  const block = parseExact('{"cost":7828.8}') as { cost: number };
  expect(exactText(block, "cost")).toBe("7828.8");
});

test("small doubles are written without an exponent", () => {
  expect(exactText({ cost: 1e-12 }, "cost")).toBe("0.000000000001");
});
