import { expect, test } from "vitest";
import type { Change, ChangePart } from "../../api/change";
import type { Activity } from "../../api/types";
import type { Grouping } from "../../state/filters";
import { insideQuestion, insideText, movedMostInside, sinceDay, sinceQuestion, type Inside } from "./inside";

const june = { organizationId: "acme", from: "2026-06-01", to: "2026-06-30", timezone: "Europe/Paris" };
const judge = { keys: ["k1", "opus"], labels: ["judge ensemble", "Claude Opus"] };
const nobodys = { keys: [null, "opus"], labels: ["Unknown", "Claude Opus"] };
const may = { from: "2026-05-01", to: "2026-05-31" };
const inside = (item: object, cause: Inside["cause"], cost: number): Inside => ({ item: { ...item, cost }, cause });

function change(difference: number, parts: Inside[], before: object = may): Change {
  const of = parts.map(({ item, cause }): ChangePart => ({ cause, cost: item.cost, items: [item] }));
  return { difference, before, parts: of } as unknown as Change;
}

test.each<[Grouping[], (string | null)[], Grouping[] | undefined]>([
  [["project"], ["p1"], ["apiKey", "model"]],
  [["user"], ["u1"], ["project", "model"]],
  [["team"], ["t1"], ["project", "model"]],
  [["costCentre"], ["c1"], ["project", "model"]],
  [["apiKey"], ["k1"], ["model"]],
  [["model"], ["opus"], ["project"]],
  [["provider"], ["openai"], undefined],
  [["project", "model"], ["p1", "opus"], undefined],
  [["project"], [null], undefined],
  [[], [null], undefined],
])("an entry by %j, %j, is looked into by %j", (pivots, keys, groupBy) => {
  expect(insideQuestion(june, pivots, keys)?.groupBy).toEqual(groupBy);
});

test("an entry is asked about with the page's own filters, and alone of its kind", () => {
  const filters = { project: ["p1", "p2"], provider: ["anthropic"] };
  expect(insideQuestion({ ...june, filters }, ["project"], ["p2"])?.question).toEqual({
    ...june,
    filters: { project: ["p2"], provider: ["anthropic"] },
  });
});

test("what moved most inside is what moved most in the direction of all", () => {
  const parts = [inside(judge, "volume", 3), inside(judge, "price", -9), inside(nobodys, "new", 8)];
  expect(movedMostInside(change(2, parts))).toEqual(parts[2]);
  expect(movedMostInside(change(-2, parts))).toEqual(parts[1]);
  expect(movedMostInside(change(0, parts))).toBeNull();
});

test("since when is asked of what is new and somebody's alone, from the end of the window before", () => {
  const asked = insideQuestion(june, ["project"], ["p1"])!;
  const from = (before: object, one = inside(judge, "new", 8)) =>
    sinceQuestion(asked, change(8, [one], before), one)?.from;
  expect(from({ to: "2026-05-31" })).toBe("2026-06-01");
  expect(from({ to: "2026-05-12" })).toBe("2026-05-13");
  expect(from({ to: "2026-05-12", until: "2026-05-12T14:00:00+02:00" })).toBe("2026-05-12");
  expect(from({ to: "2025-06-29" })).toBe("2025-06-30");
  expect(from({ to: "2025-06-28" }), "more days than one question can be about").toBeUndefined();
  expect(from({ to: "2026-05-31" }, inside(judge, "volume", 8))).toBeUndefined();
  expect(from({ to: "2026-05-31" }, inside(nobodys, "new", 8))).toBeUndefined();
  const one = inside(judge, "new", 8);
  const filters = { project: ["p1"], apiKey: ["k1"], model: ["opus"] };
  const days = { ...june, filters, groupBy: [], granularity: "day" };
  expect(sinceQuestion(asked, change(8, [one]), one)).toMatchObject(days);
});

test("it is new since its first day with usage, unless that was before the window", () => {
  const day = (date: string, requestCount: number) => ({ date, requestCount, totalTokens: 0, cost: 0 });
  const days = (...activity: object[]) => ({ activity }) as unknown as Activity;
  const idle = day("2026-06-01", 0);
  expect(sinceDay(days(idle, day("2026-06-09", 2), day("2026-06-10", 9)), june.from)).toBe("2026-06-09");
  expect(sinceDay(days(day("2026-05-20", 1), day("2026-06-09", 2)), june.from)).toBeNull();
  expect(sinceDay(days(), june.from)).toBeNull();
});

test("it is said with its amount, and since when or by what", () => {
  const said = (one: Inside, since: string | null = null) => insideText(one, since).join(" ");
  const pair = "of that judge ensemble on Claude Opus";
  expect(said(inside(judge, "new", 498.1), "2026-06-09")).toBe(`${pair} +$498.10 since Jun 9`);
  expect(said(inside(judge, "new", 498.1))).toBe(`${pair} +$498.10 (new)`);
  const model = { key: "opus", label: "Claude Opus" };
  expect(said(inside(model, "volume", -3))).toBe("of that Claude Opus −$3.00 (number of requests)");
});
