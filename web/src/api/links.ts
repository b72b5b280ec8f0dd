import { request } from "./request";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Link = Schemas["Link"];
export type LinkFormat = Schemas["LinkFormatName"];
export type NewLink = Schemas["NewLink"];
export type CreatedLink = Schemas["CreatedLink"];

export async function fetchLinks(organizationId: string, signal?: AbortSignal): Promise<Link[]> {
  return (await request<{ links: Link[] }>(`/v1/links?${new URLSearchParams({ organizationId })}`, { signal })).links;
}

export function createLink(link: NewLink): Promise<CreatedLink> {
  return request<CreatedLink>("/v1/links", { method: "POST", body: link });
}

export function revokeLink(id: string): Promise<void> {
  return request<void>(`/v1/links/${encodeURIComponent(id)}`, { method: "DELETE" });
}
