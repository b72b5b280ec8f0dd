import { describe, expect, test } from "vitest";
import { analyticsAccess, firstPage } from "./access";
import { looksOf, SLOTS, type Look, type Thing } from "./colours";
import { find } from "./find";
import { tokenInFragment } from "./destination";
import { readDetailView, writeDetailView } from "./detailView";
import { isNarrowedTo, selectionOf, toggleFilter, withoutFilter, type Selection } from "./filters";
import { listViewOf, matchesSearch, sortedBy } from "./listView";
import { readReconciliationView, writeReconciliationView } from "./reconciliationView";
import { isOther, seriesId, seriesLabel } from "./series";
import { take } from "./steps";
import { linkFault, withKnownZone, withRange } from "./timeWindow";
import { changeView, pivotsOf, readView, writeView } from "./view";

describe("view in the address", () => {
  test("what is written reads the same", () => {
    const search =
      "from=2026-06-01&to=2026-06-30&tz=Europe/Paris&by=apiKey&then=user&metric=tokens&chart=lines&per=week&model=gpt-4o&model=o3&user=a%2Bb&hide=a%26b&hide=%7Eother&all=1&vs=none";
    expect(writeView(readView(search, "UTC"))).toBe(search);
  });

  test("what is not understood falls back", () => {
    expect(writeView(readView("range=forever&tz=&by=mood&then=joy&metric=joy&per=eon", "Asia/Tokyo"))).toBe(
      "range=last-30-days&tz=Asia/Tokyo&by=model&metric=cost",
    );
  });

  test("a second pivot is another than the first, and the two can change places", () => {
    expect(readView("by=user&then=user", "UTC").thenBy).toBeNull();
    const pair = readView("by=project&then=model&hide=x", "UTC");
    expect(pivotsOf(pair)).toEqual(["project", "model"]);
    expect(changeView(pair, { groupBy: "model" })).toMatchObject({ groupBy: "model", thenBy: "project", hidden: [] });
    expect(changeView(pair, { groupBy: "user" })).toMatchObject({ groupBy: "user", thenBy: "model" });
    expect(pivotsOf(changeView(pair, { thenBy: null }))).toEqual(["project"]);
  });

  test("another grouping shows all its series", () => {
    const view = readView("by=model&hide=gpt-4o&all=1", "UTC");
    expect(changeView(view, { groupBy: "user" })).toMatchObject({ hidden: [], all: false });
    expect(changeView(view, { metric: "tokens" }).hidden).toEqual(["gpt-4o"]);
  });
});

describe("filters", () => {
  const pair = selectionOf(["project", "model"], ["search", "gpt-4o"]) as Selection;

  test("a second click on the same thing takes back the first", () => {
    const once = toggleFilter({ model: ["o3"] }, [["model", "gpt-4o"]]);
    expect(once).toEqual({ model: ["o3", "gpt-4o"] });
    expect(toggleFilter(once, [["model", "gpt-4o"]])).toEqual({ model: ["o3"] });
  });

  test("a pair is narrowed to as a whole, half of it adds what is missing", () => {
    const whole = { project: ["search"], model: ["gpt-4o"] };
    expect(toggleFilter({}, pair)).toEqual(whole);
    expect(toggleFilter({ project: ["search"] }, pair)).toEqual(whole);
    expect(isNarrowedTo({ project: ["search"] }, pair)).toBe(false);
    expect(toggleFilter(whole, pair)).toEqual({});
  });

  test("a view whose last filter is lifted is the one that its address reads as", () => {
    const view = readView("by=user&model=o3&user=ada&user=bo", "UTC");
    const lifted = changeView(view, { filters: withoutFilter(view.filters, "model", "o3") });
    expect(lifted.filters).toEqual({ user: ["ada", "bo"] });
    expect(readView(writeView(lifted), "UTC")).toEqual(lifted);
  });

  test("nothing can be asked about usage that is nobody's", () => {
    expect(selectionOf(["user"], [null])).toBeNull();
    expect(selectionOf(["user", "source"], [null, "notebooks"])).toBeNull();
  });
});

describe("entries", () => {
  test.each([
    [{ key: "gpt-4o", label: "GPT-4o" }, "gpt-4o", "GPT-4o"],
    [{ key: null, label: "No app" }, "~no app", "No app"],
    [{ key: null, label: "Other" }, "~other", "Other"],
    [{ keys: ["search", "gpt-4o"], labels: ["Search", "GPT-4o"] }, "search gpt-4o", "Search · GPT-4o"],
    [{ keys: ["a b", "c"], labels: ["A", "C"] }, "a%20b c", "A · C"],
    [{ keys: [null, "notebooks"], labels: ["Unattributed", "notebooks"] }, "~unattributed notebooks", "Unattributed · notebooks"],
    [{ keys: [null, null], labels: ["No app", "Unattributed"] }, "~no%20app ~unattributed", "No app · Unattributed"],
    [{ keys: [null, null], labels: ["Other", "Other"] }, "~other", "Other"],
  ])("%j is %s, called %s", (entry, id, label) => {
    expect(seriesId(entry)).toBe(id);
    expect(seriesLabel(entry)).toBe(label);
    expect(isOther(entry)).toBe(label === "Other");
  });
});

test("a page wins over a filter, unless a filter is asked for", () => {
  const taken: string[] = [];
  const narrow = () => void taken.push("narrow");
  const navigate = (path: string) => void taken.push(path);
  take({ path: "/page", narrow, narrowed: false }, navigate);
  take({ path: "/page", narrow, narrowed: false }, navigate, true);
  take({ path: "/page", narrow: null, narrowed: false }, navigate, true);
  take({ path: null, narrow, narrowed: false }, navigate);
  expect(taken).toEqual(["/page", "narrow", "/page", "narrow"]);
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

test("the reconciliation in the address reads the same, and defaults are not written", () => {
  const search = "range=last-month&tz=Europe/Paris&provider=anthropic&by=day&sort=name";
  expect(writeReconciliationView(readReconciliationView(search, "UTC"))).toBe(search);
  const unknown = "range=today&tz=UTC&provider=azure&by=mood&sort=-luck";
  expect(writeReconciliationView(readReconciliationView(unknown, "UTC"))).toBe("range=today&tz=UTC");
});

test.each([
  ["user", "developer", "mine"],
  ["user", "owner", "analytics"],
  ["operator", null, "analytics"],
])("%s as %s begins at %s", (kind, role, page) => expect(firstPage(kind, { role })).toBe(page));

describe("colours", () => {
  const thing = (id: string, ordinal: number | null = null) => ({ id, ordinal, nameless: id.startsWith("~") });
  const slots = (looks: ReadonlyMap<string, Look>) => Object.fromEntries([...looks].map(([id, { slot }]) => [id, slot]));

  test("a thing has the colour it was first seen with, whatever it is shown with and whatever its rank", () => {
    const all = Array.from({ length: 30 }, (_, i) => thing(`p${i + 1}`, i + 1));
    const alone = Object.assign({}, ...all.map((one) => slots(looksOf([one]))));
    expect(slots(looksOf(all))).toEqual(alone);
    const some = [...all].reverse().slice(3, 17);
    expect(slots(looksOf(some))).toEqual(Object.fromEntries(some.map(({ id }) => [id, alone[id]])));
    expect(new Set(all.slice(0, SLOTS).map(({ id }) => alone[id])).size).toBe(SLOTS);
    // Pairs are known by their id alone, which is as good in any browser.
    expect(looksOf([thing("search gpt-4o")])).toEqual(looksOf([thing("search gpt-4o")]));
  });

  test("of two things of one colour the later one is filled otherwise, in either order", () => {
    const [first, later, third] = [thing("a", 3), thing("b", 13), thing("c", 23)];
    const patterns = (things: readonly Thing[]) => [...looksOf(things)].map(([id, { pattern }]) => [id, pattern]).sort();
    expect(patterns([first, later, third])).toEqual([["a", 0], ["b", 1], ["c", 2]]);
    expect(patterns([third, later, first])).toEqual([["a", 0], ["b", 1], ["c", 2]]);
    expect(patterns([third])).toEqual([["c", 0]]);
    // What is listed beside a chart does not change how the chart is filled.
    expect(looksOf([third], [first]).get("c")).toEqual({ slot: 2, pattern: 0 });
    expect(looksOf([third], [first]).get("a")).toEqual({ slot: 2, pattern: 1 });
  });

  test("the rest and what is nobody's are neutral, and told apart", () => {
    const looks = looksOf([thing("~other"), thing("~unattributed"), thing("a", 1)]);
    expect([looks.get("~other"), looks.get("~unattributed")]).toEqual([{ slot: null, pattern: 0 }, { slot: null, pattern: 1 }]);
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

describe("finding", () => {
  const items = [
    { label: "checkout-summaries", also: ["key_prod"] },
    { label: "Nightly summaries" },
    { label: "Zoë Müller", also: ["zoe@northwind.example", null] },
    { label: "Summaries" },
  ];
  const labels = (query: string, most = 9) => find(items, query, most).map(({ label }) => label);

  test("where a name begins with it comes first", () => {
    expect(labels("summ")).toEqual(["Summaries", "checkout-summaries", "Nightly summaries"]);
    expect(labels("summ", 1)).toEqual(["Summaries"]);
    expect(labels("maries")).toEqual(["checkout-summaries", "Nightly summaries", "Summaries"]);
  });

  test("every word counts, accents and case do not, other names do", () => {
    expect(labels("prod CHECK")).toEqual(["checkout-summaries"]);
    expect(labels("muller zoe")).toEqual(["Zoë Müller"]);
    expect(labels("northwind")).toEqual(["Zoë Müller"]);
    expect(labels("nobody")).toEqual([]);
  });

  test("before anything is typed all are there, in their own order", () => expect(labels(" ")).toEqual(items.map(({ label }) => label)));
});

test.each([
  ["", null],
  ["range=last-7-days&tz=Mars", null],
  ["from=2026-06-01&to=2026-06-30", null],
  ["range=forever", { name: "range", value: "forever", why: "unknown" }],
  ["range=", { name: "range", value: "", why: "unknown" }],
  ["from=2026-06-01", { name: "to", value: "", why: "missing" }],
  ["to=2026-06-01", { name: "from", value: "", why: "missing" }],
  ["from=2026-02-30&to=2026-03-01", { name: "from", value: "2026-02-30", why: "incomplete" }],
  ["from=2026-02-01&to=2026-02-29", { name: "to", value: "2026-02-29", why: "incomplete" }],
  ["from=2026-06-02&to=2026-06-01", { name: "to", value: "2026-06-01", why: "reversed" }],
  ["from=2020-06-02&to=2026-06-01", { name: "to", value: "2026-06-01", why: "too-long" }],
])("the days of %j are understood, or it is known which part is not", (search, expected) => {
  expect(linkFault(new URLSearchParams(search))).toEqual(expected);
});

test.each([
  ["tz=Mars&by=user", "Asia/Tokyo", "tz=Asia/Tokyo&by=user"],
  ["by=user", "Asia/Tokyo", "by=user&tz=UTC"],
  ["tz=Asia/Tokyo", "Asia/Tokyo", "tz=UTC"],
])("where the server does not know the zone, %j in %s becomes %j", (search, own, expected) => {
  expect(withKnownZone(search, own)).toBe(expected);
});

test("another range leaves the rest of the address as it is, but for the grain of its bars", () => {
  const search = "from=2026-06-01&to=2026-06-30&tz=Europe/Paris&by=user&per=hour&user=a%26b";
  const today = { kind: "preset", preset: "today" } as const;
  expect(withRange(search, today, "UTC")).toBe("range=today&tz=Europe/Paris&by=user&user=a%26b");
  expect(withRange("", { kind: "custom", from: "2026-06-01", to: "2026-06-02" }, "Asia/Tokyo")).toBe(
    "from=2026-06-01&to=2026-06-02&tz=Asia/Tokyo",
  );
});
