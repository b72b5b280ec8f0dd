import type { Directory, KeyEntry, MemberEntry, OrganizationEntry, ProjectEntry, User } from "../../api/administration";
import { sortedBy } from "../../state/listView";
import { text } from "../../text";

/** What a person reads: the name where there is one, else the id. */
export const nameOf = (entry: OrganizationEntry | ProjectEntry) => entry.name || entry.id;
export const keyName = (entry: KeyEntry) => entry.description || entry.id;
export const userName = (user: User) => user.name || user.email || user.id;

export function userOf(directory: Directory, userId: string): User {
  return directory.users.find((user) => user.id === userId) ?? { id: userId };
}

export function projectName(directory: Directory, projectId: string): string {
  const project = directory.projects.find((one) => one.id === projectId);
  return project ? nameOf(project) : projectId;
}

/** By name; what was deleted and who left come after the rest. */
export function inOrder<Entry extends { status?: string | null }>(
  entries: readonly Entry[],
  name: (entry: Entry) => string,
): Entry[] {
  const gone = (entry: Entry) => entry.status === "deleted" || entry.status === "former";
  const byName = sortedBy(entries, name, false);
  return [...byName.filter((entry) => !gone(entry)), ...byName.filter(gone)];
}

/** "All projects", "2 projects": what a developer may look into. */
export function accessText(member: MemberEntry): string {
  const words = text.administration.member;
  if (member.role !== "developer" || !member.projectIds) return words.allProjects;
  return member.projectIds.length === 0 ? words.noProjects : words.someProjects(member.projectIds.length);
}
