import { expect, test } from "vitest";
import { rangeWithUsage } from "./firstUse";

const TODAY = "2026-06-10";

function check(months: Record<string, number>) {
  const buckets = Object.entries(months).map(([date, requestCount]) => ({ date, requestCount }));
  return rangeWithUsage({ activity: buckets as never }, TODAY);
}

test("usage of these weeks is in the last 30 days", () => {
  expect(check({ "2026-05-01": 0, "2026-06-01": 1 })).toEqual({ kind: "preset", preset: "last-30-days" });
  expect(check({ "2026-05-01": 1, "2026-06-01": 0 })).toEqual({ kind: "preset", preset: "last-30-days" });
});

test("usage that is older is in its own month", () => {
  expect(check({ "2024-02-01": 3, "2026-06-01": 0 })).toEqual({ kind: "custom", from: "2024-02-01", to: "2024-02-29" });
});

test("no usage leaves the range people begin with", () => {
  expect(check({})).toEqual({ kind: "preset", preset: "last-30-days" });
});
