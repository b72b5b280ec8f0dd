import type { Spelled } from "./blocks";
import { request } from "./request";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Project = Spelled<Schemas["ProjectEntry"]>;

/** The projects of an organization that the signed-in person has access to. */
export async function fetchProjects(organizationId: string, signal?: AbortSignal): Promise<Project[]> {
  const answer = await request<{ projects: Project[] }>(
    `/v1/projects?${new URLSearchParams({ organizationId })}`,
    { signal },
  );
  return answer.projects;
}

export function fetchReference(signal?: AbortSignal): Promise<unknown> {
  return request<unknown>("/openapi.json", { signal });
}
