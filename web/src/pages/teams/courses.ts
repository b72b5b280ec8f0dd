import type { Assignment } from "../../api/teams";
import type { Day } from "../../time/day";

export const subjectKinds = ["apiKey", "user", "project"] as const;
export type SubjectKind = (typeof subjectKinds)[number];

/** What is assigned. */
export interface Subject {
  kind: SubjectKind;
  id: string;
}

/** All that was said of one thing: of its team, or of whose it is. */
export interface Course {
  subject: Subject;
  what: "team" | "owner";
  /** By their first day. */
  said: Assignment[];
}

export const courseId = ({ subject, what }: Course) => JSON.stringify([what, subject.kind, subject.id]);

export function subjectOf({ subject }: Assignment): Subject {
  if (subject.apiKeyId != null) return { kind: "apiKey", id: subject.apiKeyId };
  if (subject.userId != null) return { kind: "user", id: subject.userId };
  return { kind: "project", id: subject.projectId ?? "" };
}

export function asSubject({ kind, id }: Subject): Assignment["subject"] {
  return { [`${kind}Id`]: id };
}

/** The team or the person; null is no team. */
export const assignedTo = (said: Assignment): string | null => said.ownerUserId ?? said.teamId ?? null;

export function coursesOf(assignments: readonly Assignment[]): Course[] {
  const courses = new Map<string, Course>();
  for (const said of assignments) {
    const course: Course = { subject: subjectOf(said), what: said.ownerUserId == null ? "team" : "owner", said: [] };
    const id = courseId(course);
    const known = courses.get(id) ?? course;
    known.said.push(said);
    courses.set(id, known);
  }
  for (const { said } of courses.values()) said.sort((a, b) => (a.from < b.from ? -1 : 1));
  return [...courses.values()];
}

/** What holds on a day: of those that reach it the one that begins last. */
export function holding({ said }: Course, day: Day): Assignment | null {
  return said.findLast(({ from, to }) => from <= day && (to == null || to >= day)) ?? null;
}

/** How many of each kind count for each team on a day. */
export function countsByTeam(courses: readonly Course[], day: Day): Map<string, Map<SubjectKind, number>> {
  const counts = new Map<string, Map<SubjectKind, number>>();
  for (const course of courses) {
    const team = course.what === "team" ? holding(course, day)?.teamId : null;
    if (team == null) continue;
    const ofTeam = counts.get(team) ?? new Map<SubjectKind, number>();
    ofTeam.set(course.subject.kind, (ofTeam.get(course.subject.kind) ?? 0) + 1);
    counts.set(team, ofTeam);
  }
  return counts;
}
