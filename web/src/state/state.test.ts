import { describe, expect, test } from "vitest";
import { analyticsAccess, firstPage } from "./access";
import { assignSlots, SLOTS } from "./colours";
import { tokenInFragment } from "./destination";
import { readDetailView, writeDetailView } from "./detailView";
import { listViewOf, matchesSearch, sortedBy } from "./listView";
import { changeView, readView, withFilter, withoutFilter, writeView } from "./view";

describe("view in the address", () => {
  test("what is written reads the same", () => {
    const search =
      "from=2026-06-01&to=2026-06-30&tz=Europe/Paris&by=apiKey&metric=tokens&chart=lines&per=week&model=gpt-4o&model=o3&user=a%2Bb&hide=a%26b&hide=%7Eother&all=1";
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

test("a filter is added once and lifted again", () => {
  const once = withFilter({}, "model", "gpt-4o");
  expect(withFilter(once, "model", "gpt-4o")).toEqual({ model: ["gpt-4o"] });
  expect(withoutFilter(withFilter(once, "model", "o3"), "model", "gpt-4o")).toEqual({ model: ["o3"] });
});

test("another range forgets the grain chosen for the one before", () => {
  const view = readView("per=week", "UTC");
  expect(changeView(view, { range: { kind: "preset", preset: "today" } }).per).toBeNull();
});

describe("lists", () => {
  const keys = listViewOf(["key", "cost"] as const, "cost");

  test("what is written reads the same, and defaults are not written", () => {
    const search = "range=today&tz=UTC&sort=key&q=a%26b&project=p&creator=%7Eunattributed";
    expect(keys.write(keys.read(search, "UTC"))).toBe(search);
    expect(keys.write(keys.read("range=today&sort=-mood", "UTC"))).toBe("range=today&tz=UTC");
  });

  test("rows without a value come last either way", () => {
    const rows = [{ name: null }, { name: "key 10" }, { name: "Key 9" }];
    const names = (descending: boolean) => sortedBy(rows, (row) => row.name, descending).map((row) => row.name);
    expect(names(false)).toEqual(["Key 9", "key 10", null]);
    expect(names(true)).toEqual(["key 10", "Key 9", null]);
  });

  test("every word has to be somewhere", () => {
    expect(matchesSearch("dev dmitri", ["Dmitri Petrov", null, "developer"])).toBe(true);
    expect(matchesSearch("dmitri owner", ["Dmitri Petrov", "developer"])).toBe(false);
    expect(matchesSearch(" ", ["anything"])).toBe(true);
  });
});

test("a detail page's address reads as it was written", () => {
  const search = "from=2026-06-01&to=2026-06-30&tz=UTC&project=p&metric=tokens&chart=table&hide=o3";
  expect(writeDetailView(readDetailView(search, "UTC"))).toBe(search);
});

test.each([
  ["user", "developer", "mine"],
  ["user", "owner", "analytics"],
  ["operator", null, "analytics"],
])("%s as %s begins at %s", (kind, role, page) => expect(firstPage(kind, { role })).toBe(page));

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
