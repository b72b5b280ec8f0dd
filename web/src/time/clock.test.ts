import { expect, test } from "vitest";
import { askAgainInMs, dayAt, todayInUtc, wallClock } from "./clock";

const paris = {
  offsets: [
    { from: "2020-01-01T00:00:00Z", offset: "+01:00" },
    { from: "2026-03-29T01:00:00Z", offset: "+02:00" },
    { from: "2026-10-25T01:00:00Z", offset: "+01:00" },
  ],
};
const always = (offset: string) => ({ offsets: [{ from: "2020-01-01T00:00:00Z", offset }] });

test.each([
  ["2026-03-29T00:59:59Z", "2026-03-29T01:59:59"],
  ["2026-03-29T01:00:00Z", "2026-03-29T03:00:00"],
  ["2026-10-25T00:59:59.999Z", "2026-10-25T02:59:59"],
  ["2026-10-25T01:00:00Z", "2026-10-25T02:00:00"],
  ["2019-06-01T12:00:00Z", "2019-06-01T13:00:00"],
])("at %s a clock in Paris shows %s", (moment, expected) => {
  expect(wallClock(moment, paris)).toBe(expected);
  expect(wallClock(new Date(moment), paris)).toBe(expected);
});

test.each([
  ["+05:45", "2026-06-30T18:15:00Z", "2026-07-01"],
  ["+05:45", "2026-06-30T18:14:59Z", "2026-06-30"],
  ["-03:30", "2026-07-01T03:29:59Z", "2026-06-30"],
  ["-03:30", "2026-07-01T03:30:00Z", "2026-07-01"],
  ["+00:00", "2026-07-01T00:00:00Z", "2026-07-01"],
])("at %s from UTC, %s is in %s", (offset, moment, day) => expect(dayAt(moment, always(offset))).toBe(day));

test("the offset is the one that the server says, whatever a browser knows of the zone", () => {
  const vancouver = { timezone: "America/Vancouver", ...always("-07:00") };
  expect(wallClock("2026-12-01T12:00:00Z", vancouver)).toBe("2026-12-01T05:00:00");
});

test("what day it is in UTC, when it is another one in the zone", () => {
  expect(todayInUtc({ now: "2026-07-01T01:30:00+02:00" })).toBe("2026-06-30");
});

test.each([
  ["2026-06-30T12:00:00+02:00", "2026-07-01T00:00:00+02:00", 61_000],
  ["2026-06-30T23:59:30+02:00", "2026-07-01T00:00:00+02:00", 31_000],
  // Clocks go back in this night.
  ["2026-11-01T00:59:59-04:00", "2026-11-02T00:00:00-05:00", 61_000],
])("at %s, with the next day from %s, the page asks again in %d ms", (now, nextDayAt, ms) =>
  expect(askAgainInMs({ now, nextDayAt })).toBe(ms),
);
