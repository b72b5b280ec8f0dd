import type { Span } from "../time/presets";
import { request } from "./request";
import type { Directory } from "./administration";
import type { components } from "./schema";

export type Team = components["schemas"]["Team"];
export type Assignment = components["schemas"]["Assignment"];
export type Preview = components["schemas"]["DirectoryPreview"];

export interface PreviewQuestion extends Span {
  organizationId: string;
  timezone: string;
  groupBy: "team" | "user";
}

/** What a change of the directory would move. Nothing is written. */
export function previewDirectory(change: Partial<Directory>, question: PreviewQuestion, signal?: AbortSignal): Promise<Preview> {
  return request<Preview>(`/v1/directory/preview?${new URLSearchParams({ ...question })}`, { method: "POST", body: change, signal });
}

/** A table of assignments as the change of the directory that it means. Nothing is written. */
export function readAssignments(organizationId: string, table: Blob, makesTeams: boolean): Promise<Directory> {
  const query = new URLSearchParams({ organizationId, newTeams: String(makesTeams) });
  return request<Directory>(`/v1/directory/assignments/read?${query}`, { method: "POST", body: table });
}
