import type { Directory } from "../../api/administration";
import type { Assignment, Team } from "../../api/teams";
import { dayText } from "../../format/dates";
import { text } from "../../text";
import { keyName, projectName, userName, userOf } from "../administration/names";
import type { Subject } from "./courses";

export const teamName = (team: Team) => team.name || team.id;

export function teamNameOf(directory: Directory, id: string | null): string {
  if (id === null) return text.teams.noTeam;
  const team = directory.teams.find((one) => one.id === id);
  return team ? teamName(team) : id;
}

export function subjectName(directory: Directory, { kind, id }: Subject): string {
  if (kind === "user") return userName(userOf(directory, id));
  if (kind === "project") return projectName(directory, id);
  const apiKey = directory.apiKeys.find((one) => one.id === id);
  return apiKey ? keyName(apiKey) : id;
}

/** The team or the person that something is said to be of. */
export function targetName(directory: Directory, said: Assignment): string {
  if (said.ownerUserId != null) return userName(userOf(directory, said.ownerUserId));
  return teamNameOf(directory, said.teamId ?? null);
}

export const spanOf = ({ from, to }: Assignment) => text.teams.assignments.spanOf(dayText(from), to == null ? null : dayText(to));
