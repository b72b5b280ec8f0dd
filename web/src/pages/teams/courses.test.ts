import { describe, expect, it } from "vitest";
import type { Assignment } from "../../api/teams";
import { asSubject, assignedTo, countsByTeam, coursesOf, holding, subjectOf } from "./courses";

const said = (subject: Assignment["subject"], from: string, to: string | null, of: Partial<Assignment>): Assignment => ({
  organizationId: "acme",
  subject,
  from,
  to,
  ...of,
});

const key = { apiKeyId: "k1" };
const all = [
  said(key, "2026-03-01", "2026-03-31", { teamId: "b" }),
  said(key, "2026-01-01", null, { teamId: "a" }),
  said(key, "2026-03-10", "2026-03-12", { teamId: null }),
  said(key, "2026-03-05", null, { ownerUserId: "ben" }),
  said({ userId: "ada" }, "2026-02-01", null, { teamId: "a" }),
  said({ projectId: "web" }, "2026-04-01", null, { teamId: "a" }),
];

describe("what is assigned", () => {
  it("is told by the thing, and by whether it is of its team or its owner", () => {
    const courses = coursesOf(all);
    expect(courses.map(({ subject, what, said }) => [subject.kind, subject.id, what, said.length])).toEqual([
      ["apiKey", "k1", "team", 3],
      ["apiKey", "k1", "owner", 1],
      ["user", "ada", "team", 1],
      ["project", "web", "team", 1],
    ]);
    for (const { subject, said } of courses) expect(subjectOf(said[0]!)).toEqual(subject);
    expect(asSubject({ kind: "apiKey", id: "k1" })).toEqual(key);
  });

  it("holds as the server has it: of those that reach a day what begins last", () => {
    const [team, owner] = coursesOf(all) as [ReturnType<typeof coursesOf>[0], ReturnType<typeof coursesOf>[0]];
    const on = (day: string) => {
      const holds = holding(team, day);
      return holds && assignedTo(holds);
    };
    expect(on("2025-12-31")).toBeNull();
    expect([on("2026-01-01"), on("2026-03-01"), on("2026-03-10"), on("2026-03-13"), on("2026-04-01")]).toEqual(["a", "b", null, "b", "a"]);
    expect([holding(owner, "2026-03-04"), assignedTo(holding(owner, "2026-03-05")!)]).toEqual([null, "ben"]);
  });

  it("is counted by the team that it has on a day", () => {
    const counted = (day: string) => [...countsByTeam(coursesOf(all), day)].map(([team, of]) => [team, Object.fromEntries(of)]);
    expect(counted("2026-02-15")).toEqual([["a", { apiKey: 1, user: 1 }]]);
    expect(counted("2026-03-11")).toEqual([["a", { user: 1 }]]);
    expect(counted("2026-03-20")).toEqual([["b", { apiKey: 1 }], ["a", { user: 1 }]]);
    expect(counted("2026-04-01")).toEqual([["a", { apiKey: 1, user: 1, project: 1 }]]);
  });
});
