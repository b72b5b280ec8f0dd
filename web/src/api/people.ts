import type { Spelled } from "./blocks";
import { request, type Asking } from "./request";
import type { components } from "./schema";
import { asCsv, usagePath, type UsageQuestion } from "./usageQuestion";

type Schemas = components["schemas"];

/** `userId` is null for the usage of keys without a known creator. */
export type MemberRow = Spelled<Schemas["MemberEntry"]>;
export type Members = Omit<Schemas["Members"], "members" | "previous"> & {
  members: MemberRow[];
  previous?: Omit<Schemas["PreviousMembers"], "members"> & { members: MemberRow[] };
};
export type MemberAnswer = Omit<Schemas["MemberAnswer"], "member"> & { member: Spelled<Schemas["MemberPerson"]> };
export type MineAnswer = Schemas["MyUsage"];

export const membersCsvPath = (question: UsageQuestion) => usagePath("members", question, asCsv);

export function fetchMembers(question: UsageQuestion, asking: Asking): Promise<Members> {
  return request<Members>(usagePath("members", question), asking);
}

const memberPart = (userId: string) => `members/${encodeURIComponent(userId)}`;

export const memberCsvPath = (userId: string, question: UsageQuestion) =>
  usagePath(memberPart(userId), question, asCsv);

export function fetchMember(userId: string, question: UsageQuestion, asking: Asking): Promise<MemberAnswer> {
  return request<MemberAnswer>(usagePath(memberPart(userId), question), asking);
}

/** Of one project, or of all. */
const inProject = (projectId: string | null): Record<string, string> => (projectId === null ? {} : { projectId });

export const mineCsvPath = (projectId: string | null, question: UsageQuestion) =>
  usagePath("me", question, { ...inProject(projectId), ...asCsv });

export function fetchMine(projectId: string | null, question: UsageQuestion, asking: Asking): Promise<MineAnswer> {
  return request<MineAnswer>(usagePath("me", question, inProject(projectId)), asking);
}
