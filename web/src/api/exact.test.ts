import { expect, test } from "vitest";
import { exactText, parseExact } from "./exact";

test("ordinary numbers are their own text", () => {
  const block = parseExact('{"cost":7828.8}') as { cost: number };
  expect(exactText(block, "cost")).toBe("7828.8");
});

test("small doubles are written without an exponent", () => {
  expect(exactText({ cost: 1e-12 }, "cost")).toBe("0.000000000001");
});

// The reviver's source text is newer than the oldest Node this builds with.
test.runIf("rawJSON" in JSON)("digits past a double's are kept", () => {
  const block = parseExact('{"cost":123456789012.123456789012}') as { cost: number };
  expect(exactText(block, "cost")).toBe("123456789012.123456789012");
});
