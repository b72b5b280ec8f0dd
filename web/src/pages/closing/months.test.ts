import { describe, expect, it, test } from "vitest";
import type { Closing } from "../../api/closings";
import type { IntakeLine } from "../../api/intake";
import { readClosingView, writeClosingView } from "../../state/closingView";
import { chosenMonth, daysOf, monthRows, reconciledDays, sourcesOf, stateOf } from "./months";

const closing = (month: string): Closing => ({
  id: `closing_${month}`,
  organizationId: "acme",
  month,
  timezone: "Europe/Berlin",
  closedAt: "2026-11-03T09:00:00Z",
  closedBy: "olga",
});

describe("the months", () => {
  it("are this one and twelve before it, over a new year", () => {
    const rows = monthRows("2026-02-28", []);
    expect(rows.map(({ month }) => month)).toEqual([
      ...["2026-02", "2026-01"],
      ...["2025-12", "2025-11", "2025-10", "2025-09", "2025-08", "2025-07"],
      ...["2025-06", "2025-05", "2025-04", "2025-03", "2025-02"],
    ]);
    expect(rows.filter((row) => stateOf(row) === "running").map(({ month }) => month)).toEqual(["2026-02"]);
  });

  it("keep what was closed long ago in reach", () => {
    const rows = monthRows("2026-11-30", [closing("2024-03"), closing("2026-10")]);
    expect(rows).toHaveLength(14);
    expect(rows.filter((row) => stateOf(row) === "closed").map(({ month }) => month)).toEqual(["2026-10", "2024-03"]);
  });

  test.each([
    [null, "2026-01-31", "2025-12"],
    ["2025-06", "2026-01-31", "2025-06"],
    ["2026-01", "2026-01-31", "2026-01"],
    ["2026-02", "2026-01-31", "2025-12"],
  ])("asked for %s on %s: %s", (asked, today, chosen) => expect(chosenMonth(asked, today)).toBe(chosen));

  it("have their days", () => expect(daysOf("2028-02")).toEqual({ from: "2028-02-01", to: "2028-02-29" }));
});

describe("sources", () => {
  const line = (sender: string, date: string, result: IntakeLine["result"], count = 1): IntakeLine => ({
    sender,
    date,
    result,
    count,
  });

  it("are silent when nothing of them came in the last seven days, and what was refused is not from a source", () => {
    const lines = [
      line("litellm", "2026-10-31", "counted"),
      line("litellm", "2026-10-02", "counted"),
      line("ci", "2026-10-24", "counted"),
      line("cron", "2026-10-25", "duplicate"),
      line("old", "2026-10-03", "completed"),
      line("old", "2026-10-30", "rejected", 3),
      line("typo", "2026-10-30", "rejected", 4),
      line("typo", "2026-10-30", "ignored", 5),
    ];
    expect(sourcesOf(lines, daysOf("2026-10"))).toEqual({
      count: 4,
      silent: [
        { sender: "old", last: "2026-10-03" },
        { sender: "ci", last: "2026-10-24" },
      ],
      rejected: 7,
    });
  });
});

test("an invoice covers a month when there is a report of each of its days", () => {
  const days = daysOf("2026-10");
  expect(reconciledDays({ ...days, costDays: 31 })).toEqual({ days: 31, all: 31, isWhole: true });
  expect(reconciledDays({ ...days, costDays: 30 })).toEqual({ days: 30, all: 31, isWhole: false });
});

test.each(["", "month=2026-10", "month=2026-10&by=costCentre&disclosure=groups"])("%j stays as it is", (search) =>
  expect(writeClosingView(readClosingView(search))).toBe(search),
);

test("what an address says wrongly is left out", () => {
  expect(writeClosingView(readClosingView("month=2026-13&by=colour&disclosure=all"))).toBe("");
});
