import { describe, expect, test } from "vitest";
import { change } from "./change";
import { fileName } from "./fileName";
import { bytes, percent } from "./counts";
import { exactMoney, labelled, money } from "./money";

// Figures depend on the reader's locale; these tests fix what is said, on machines that speak English.
test.each([
  [7828.8, "$7,828.80"],
  [0, "$0.00"],
  [0.1, "$0.10"],
  [0.05, "$0.05"],
  [0.0042, "$0.0042"],
  [0.000012345, "$0.000012"],
])("money(%d)", (value, expected) => expect(money(value)).toBe(expected));

test("no digit of an exact amount is lost", () => {
  expect(exactMoney("123456789012.123456789012")).toBe("$123,456,789,012.123456789012");
  expect(exactMoney("7828.8")).toBe("$7,828.80");
});

test.each([
  ["en-US", "credits", "credits\u00a07,828.80"],
  ["en-US", "US$", "US$7,828.80"],
  ["de-DE", "Credits", "7.828,80\u00a0Credits"],
])("in %s with %s as the label", (locale, label, expected) => {
  const format = new Intl.NumberFormat(locale, { style: "currency", currency: "USD" });
  expect(labelled(format.formatToParts(7828.8), label)).toBe(expected);
});

test("shares", () => {
  expect(percent(0.412)).toBe("41.2%");
  expect(percent(0.0042)).toBe("0.42%");
  expect(percent(0.00001)).toBe("<0.01%");
  expect(percent(0)).toBe("0%");
});

test("sizes", () => {
  expect(bytes(0)).toBe("0 byte");
  expect(bytes(999)).toBe("999 byte");
  expect(bytes(1000)).toBe("1 kB");
  expect(bytes(184_600_000)).toBe("185 MB");
  expect(bytes(5e15)).toBe("5,000 TB");
});

test("changes", () => {
  expect(change(110, 100)).toEqual({ kind: "up", text: "10%" });
  expect(change(50, 100)).toEqual({ kind: "down", text: "50%" });
  expect(change(100, 100)?.kind).toBe("same");
  expect(change(5, 0)).toEqual({ kind: "new" });
  expect(change(0, 0)).toBeNull();
  expect(change(2500, 100)).toEqual({ kind: "up", text: "25×" });
});

describe("files", () => {
  const june = { from: "2026-06-01", to: "2026-06-30" };
  test.each([
    ["northwind", "cost-by-project", june, "Europe/Paris", "northwind-cost-by-project-2026-06-Europe-Paris.png"],
    ["a", "my-usage", { from: "2025-01-01", to: "2025-12-31" }, "UTC", "a-my-usage-2025-UTC.png"],
    ["a", "my-usage", { from: "2026-06-03", to: "2026-06-03" }, "UTC", "a-my-usage-2026-06-03-UTC.png"],
    ["a", "my-usage", { from: "2026-06-03", to: "2026-06-09" }, "UTC", "a-my-usage-2026-06-03-to-2026-06-09-UTC.png"],
    ['../"x\r\n', "key-sk/1 é", june, "America/North_Dakota/Center", "..-x-key-sk-1-2026-06-America-North_Dakota-Center.png"],
  ])("a picture says whose figures it has and of when: %s %s", (organization, what, span, zone, name) =>
    expect(fileName(organization, what, span, zone, "png")).toBe(name),
  );
});
