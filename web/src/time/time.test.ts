import { describe, expect, test } from "vitest";
import { fellows, spanBefore, type comparisons } from "./before";
import { bucketLastDay, granularitiesFor, granularityFor, unfinishedBucket } from "./buckets";
import { addDays, daysInclusive, fromCalendarDate, isDay, startOfWeek, toCalendarDate } from "./day";
import { presetSpan, type Preset } from "./presets";
import { spanFault } from "./range";
import { monthsBefore, typedSpan } from "./typed";
import { describeZone, offsetText, suggestedZones, zoneMatches, zonesToChoose } from "./zones";

describe("days", () => {
  test.each([
    ["2026-02-28", true],
    ["2026-02-29", false],
    ["2024-02-29", true],
    ["2026-6-1", false],
    ["", false],
  ])("isDay(%s) is %s", (text, expected) => expect(isDay(text)).toBe(expected));

  test("arithmetic crosses months, years and clock changes", () => {
    expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
    expect(addDays("2026-03-29", 1)).toBe("2026-03-30");
    expect(daysInclusive("2026-06-01", "2026-06-30")).toBe(30);
  });

  test("weeks begin on Monday", () => {
    expect(startOfWeek("2026-11-23")).toBe("2026-11-23");
    expect(startOfWeek("2026-11-22")).toBe("2026-11-16");
  });

  test("calendar dates come back as the same day", () => {
    expect(fromCalendarDate(toCalendarDate("2026-10-25"))).toBe("2026-10-25");
  });
});

describe("presets on Monday 2026-11-23", () => {
  test.each<[Preset, string, string]>([
    ["today", "2026-11-23", "2026-11-23"],
    ["yesterday", "2026-11-22", "2026-11-22"],
    ["this-week", "2026-11-23", "2026-11-23"],
    ["last-week", "2026-11-16", "2026-11-22"],
    ["this-month", "2026-11-01", "2026-11-23"],
    ["last-month", "2026-10-01", "2026-10-31"],
    ["this-quarter", "2026-10-01", "2026-11-23"],
    ["last-quarter", "2026-07-01", "2026-09-30"],
    ["this-year", "2026-01-01", "2026-11-23"],
    ["last-year", "2025-01-01", "2025-12-31"],
    ["last-7-days", "2026-11-17", "2026-11-23"],
    ["last-30-days", "2026-10-25", "2026-11-23"],
    ["last-365-days", "2025-11-24", "2026-11-23"],
  ])("%s", (preset, from, to) => expect(presetSpan(preset, "2026-11-23")).toEqual({ from, to }));
});

describe("ranges", () => {
  test.each([
    ["2025-01-01", "2026-01-01", null],
    ["2025-01-01", "2026-01-02", "too-long"],
    ["2026-01-02", "2026-01-01", "reversed"],
    ["2026-02-30", "2026-03-01", "incomplete"],
  ])("%s to %s", (from, to, expected) => expect(spanFault(from, to)).toBe(expected));
});

describe("buckets", () => {
  const june = { from: "2026-06-03", to: "2026-06-30" };

  test("one or two days are shown by the hour unless asked otherwise", () => {
    expect(granularityFor({ from: "2026-06-01", to: "2026-06-01" }, null)).toBe("hour");
    expect(granularityFor({ from: "2026-06-01", to: "2026-06-02" }, "day")).toBe("day");
    expect(granularityFor(june, "week")).toBe("week");
  });

  test.each([
    ["2026-06-01", "2026-06-01", ["hour"]],
    ["2026-06-01", "2026-06-07", ["hour", "day"]],
    ["2026-06-07", "2026-06-08", ["hour", "day", "week"]],
    ["2026-06-01", "2026-06-30", ["hour", "day", "week"]],
    ["2026-05-16", "2026-06-15", ["hour", "day", "week", "month"]],
    ["2026-05-16", "2026-06-16", ["day", "week", "month"]],
  ])("%s to %s can be shown by %j", (from, to, expected) => {
    expect(granularitiesFor({ from, to })).toEqual(expected);
  });

  test("what the window does not allow falls back to its own", () => {
    expect(granularityFor({ from: "2026-05-16", to: "2026-06-16" }, "hour")).toBe("day");
    expect(granularityFor(june, "month")).toBe("day");
  });

  test("a week cut by the window ends on Sunday or with the window", () => {
    expect(bucketLastDay("2026-06-03", "week", june)).toBe("2026-06-07");
    expect(bucketLastDay("2026-06-29", "week", june)).toBe("2026-06-30");
    expect(bucketLastDay("2026-06-03", "month", june)).toBe("2026-06-30");
  });

  test.each([
    ["day", "2026-06-29", 1],
    ["day", "2026-06-30", 2],
    ["day", "2026-07-01", null],
    ["day", "2026-06-27", null],
  ] as const)("by the %s on %s, bar %s is unfinished", (granularity, today, expected) => {
    const days = ["2026-06-28", "2026-06-29", "2026-06-30"];
    expect(unfinishedBucket(days, granularity, june, "2026-06-29T23:30:00Z", today)).toBe(expected);
  });

  test("the hour that the answer ends in is unfinished, on the day that it is", () => {
    const hours = ["2026-06-30T00:00:00+05:30", "2026-06-30T01:00:00+05:30", "2026-06-30T02:00:00+05:30"];
    expect(unfinishedBucket(hours, "hour", june, "2026-06-29T20:15:00Z", "2026-06-30")).toBe(1);
    expect(unfinishedBucket(hours, "hour", june, "2026-06-29T20:15:00Z", "2026-07-01")).toBeNull();
  });
});

describe("the window before", () => {
  const week = { from: "2026-06-03", to: "2026-06-09" };
  const today = "2026-11-29";
  const custom = (from: string, to: string) => ({ kind: "custom" as const, from, to });

  test("means the same as the window itself", () => {
    for (const [from, to, beforeFrom, beforeTo] of [
      ["2026-06-03", "2026-06-09", "2026-05-27", "2026-06-02"],
      ["2026-03-01", "2026-03-01", "2026-02-28", "2026-02-28"],
      // October with September, February with all of January.
      ["2026-10-01", "2026-10-31", "2026-09-01", "2026-09-30"],
      ["2026-02-01", "2026-02-28", "2026-01-01", "2026-01-31"],
      // A quarter with the quarter before.
      ["2026-04-01", "2026-06-30", "2026-01-01", "2026-03-31"],
      ["2025-01-01", "2025-12-31", "2024-01-01", "2024-12-31"],
      // What is under way, with as much of the one before.
      ["2026-11-01", "2026-11-29", "2026-10-01", "2026-10-29"],
      ["2026-10-01", "2026-11-29", "2026-07-01", "2026-08-29"],
      ["2026-01-01", "2026-11-29", "2025-01-01", "2025-11-29"],
    ] as const) {
      expect(spanBefore({ from, to }, "fitting", custom(from, to), today)).toEqual({ from: beforeFrom, to: beforeTo });
    }
    const year = { kind: "preset" as const, preset: "this-year" as const };
    const january = { from: "2026-01-01", to: "2026-01-31" };
    expect(spanBefore(january, "fitting", year, "2026-01-31")).toEqual({ from: "2025-01-01", to: "2025-01-31" });
  });

  test("is the one that was chosen", () => {
    const range = custom(week.from, week.to);
    const before = (how: (typeof comparisons)[number], span = week) => spanBefore(span, how, range, today);
    expect(before("previous")).toEqual({ from: "2026-05-27", to: "2026-06-02" });
    expect(before("weekdays", { from: "2026-06-03", to: "2026-06-10" })).toEqual({ from: "2026-05-20", to: "2026-05-27" });
    expect(before("previousMonth", { from: "2026-03-30", to: "2026-03-31" })).toEqual({ from: "2026-02-28", to: "2026-02-28" });
    expect(before("previousYear", { from: "2028-02-29", to: "2028-03-01" })).toEqual({ from: "2027-02-28", to: "2027-03-01" });
  });

  const days = (from: string, count: number) => Array.from({ length: count }, (_, i) => addDays(from, i));

  test("days go where the same day of the window is, into whatever it is cut", () => {
    const former = days("2026-05-27", 7);
    const earlier = { from: "2026-05-27", to: "2026-06-02" };
    expect(fellows(days("2026-06-03", 7), week, earlier, former)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    // Wednesday to Sunday, then Monday and Tuesday of the next week.
    expect(fellows(["2026-06-03", "2026-06-08"], week, earlier, former)).toEqual([0, 0, 0, 0, 0, 1, 1]);
  });

  test("a month of 31 days beside one of 28 has its last three days nowhere", () => {
    const february = { from: "2026-02-01", to: "2026-02-28" };
    const january = { from: "2026-01-01", to: "2026-01-31" };
    const places = fellows(days("2026-02-01", 28), february, january, days("2026-01-01", 31));
    expect(places.slice(26)).toEqual([26, 27, null, null, null]);
  });

  const hours = (...texts: string[]) => texts.map((text) => `2026-${text}`);
  const day = (date: string) => ({ from: `2026-${date}`, to: `2026-${date}` });

  test("an hour that the clock skips or repeats is not lost", () => {
    const twice = hours("10-25T01:00:00+02:00", "10-25T02:00:00+02:00", "10-25T02:00:00+01:00", "10-25T03:00:00+01:00");
    const once = hours("10-24T01:00:00+02:00", "10-24T02:00:00+02:00", "10-24T03:00:00+02:00");
    expect(fellows(twice, day("10-25"), day("10-24"), once)).toEqual([0, 1, 3]);
    const after = hours("10-26T01:00:00+01:00", "10-26T02:00:00+01:00", "10-26T03:00:00+01:00");
    expect(fellows(after, day("10-26"), day("10-25"), twice)).toEqual([0, 1, 1, 2]);
    const skipped = hours("03-29T01:00:00+01:00", "03-29T03:00:00+02:00");
    const whole = hours("03-28T01:00:00+01:00", "03-28T02:00:00+01:00", "03-28T03:00:00+01:00");
    expect(fellows(skipped, day("03-29"), day("03-28"), whole)).toEqual([0, 0, 1]);
  });
});

describe("zones", () => {
  test("offsets", () => {
    expect(offsetText("+05:45")).toBe("UTC+05:45");
    expect(offsetText("-03:30")).toBe("UTC−03:30");
    expect(describeZone("America/Argentina/Buenos_Aires", "-03:00")).toEqual({
      id: "America/Argentina/Buenos_Aires",
      city: "Buenos Aires",
      region: "America · Argentina",
      offset: "UTC−03:00",
    });
  });

  test.each([
    ["new york", true],
    ["america", true],
    ["-5", true],
    ["utc-05:00", true],
    ["gmt-5", true],
    ["+5", false],
    ["paris", false],
  ])("New York in winter answers to %s: %s", (query, expected) =>
    expect(zoneMatches(describeZone("America/New_York", "-05:00"), query)).toBe(expected),
  );

  test("zones go by today's names and are found by former ones", () => {
    const known = ["Asia/Calcutta", "Asia/Kolkata", "EST5EDT", "Etc/GMT+5", "US/Pacific", "UTC", "Zulu"];
    const offered = zonesToChoose(known.map((timezone) => ({ timezone, offset: "+05:30" })));
    expect(offered.map(({ timezone }) => timezone)).toEqual(["UTC", "Asia/Kolkata"]);
    expect(zoneMatches(describeZone("Asia/Kolkata", "+05:30"), "calcutta +5:30")).toBe(true);
  });

  test("suggested are each once", () => {
    expect(suggestedZones("Europe/Berlin", "Europe/Berlin")).toEqual(["Europe/Berlin", "UTC"]);
  });
});

describe("typed ranges", () => {
  test.each([
    ["2026-06", "2026-06-01", "2026-06-30"],
    [" 2026-02 ", "2026-02-01", "2026-02-28"],
    ["2026-06-03", "2026-06-03", "2026-06-03"],
    ["2026-06-03 2026-06-09", "2026-06-03", "2026-06-09"],
    ["2026-05..2026-06", "2026-05-01", "2026-06-30"],
    ["2026-06-03 – 2026-06", "2026-06-03", "2026-06-30"],
  ])("%j", (typed, from, to) => expect(typedSpan(typed)).toEqual({ from, to }));

  test.each(["", "june", "2026", "2026-13", "2026-06-31", "2026-06 2026-05", "2024-01 2026-06", "2026-06 x", "2026-01 2026-02 2026-03"])(
    "%j is none",
    (typed) => expect(typedSpan(typed)).toBeNull(),
  );

  test("whole months before today's", () => {
    expect(monthsBefore("2026-01-31", 2)).toEqual([
      { from: "2025-12-01", to: "2025-12-31" },
      { from: "2025-11-01", to: "2025-11-30" },
    ]);
  });
});
