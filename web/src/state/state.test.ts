import { describe, expect, test } from "vitest";
import { analyticsAccess } from "./access";
import { assignSlots, SLOTS } from "./colours";
import { tokenInFragment } from "./destination";
import { changeView, readView, writeView } from "./view";

describe("view in the address", () => {
  test("what is written reads the same", () => {
    const search =
      "from=2026-06-01&to=2026-06-30&tz=Europe/Paris&by=apiKey&metric=tokens&chart=lines&per=week&hide=a%26b&hide=%7Eother&all=1";
    expect(writeView(readView(search, "UTC"))).toBe(search);
  });

  test("what is not understood falls back", () => {
    expect(writeView(readView("range=forever&tz=Mars&by=mood&metric=joy&per=eon", "Asia/Tokyo"))).toBe(
      "range=last-30-days&tz=Asia/Tokyo&by=model&metric=cost",
    );
  });

  test("another grouping shows all its series", () => {
    const view = readView("by=model&hide=gpt-4o&all=1", "UTC");
    expect(changeView(view, { groupBy: "user" })).toMatchObject({ hidden: [], all: false });
    expect(changeView(view, { metric: "tokens" }).hidden).toEqual(["gpt-4o"]);
  });
});

describe("colours", () => {
  test("no two of ten are the same, and order does not matter to who is alone", () => {
    const ids = Array.from({ length: SLOTS }, (_, i) => `series ${i}`);
    expect(new Set(assignSlots(ids, new Map()).values()).size).toBe(SLOTS);
    expect(assignSlots(["gpt-4o"], new Map())).toEqual(assignSlots(["gpt-4o"], new Map()));
  });

  test("a series keeps what it had, whatever its rank", () => {
    const before = assignSlots(["a", "b", "c", "d"], new Map());
    const after = assignSlots(["x", "d", "b", "y", "a"], before);
    for (const id of ["a", "b", "d"]) expect(after.get(id)).toBe(before.get(id));
  });
});

test.each([
  ["operator", "free", null, "granted"],
  ["user", "enterprise", "owner", "granted"],
  ["user", "enterprise", "admin", "granted"],
  ["user", "enterprise", "developer", "needs-role"],
  ["user", "free", "owner", "needs-plan"],
  ["user", "free", "developer", "needs-role"],
])("%s on %s as %s: %s", (kind, plan, role, expected) =>
  expect(analyticsAccess(kind, { plan, role })).toBe(expected),
);

test("the token of a link", () => {
  expect(tokenInFragment("#token=rc_1%2B")).toBe("rc_1+");
  expect(tokenInFragment("#content")).toBeNull();
});
