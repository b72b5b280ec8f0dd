import { request } from "./request";
import type { components } from "./schema";

/** A page as somebody left it, for everybody in the organization. */
export type View = components["schemas"]["View"];
export type NewView = components["schemas"]["NewView"];

const viewsPath = (organizationId: string, viewId?: string) =>
  `/v1/organizations/${encodeURIComponent(organizationId)}/views${viewId === undefined ? "" : `/${encodeURIComponent(viewId)}`}`;

export async function fetchViews(organizationId: string, signal?: AbortSignal): Promise<View[]> {
  return (await request<{ views: View[] }>(viewsPath(organizationId), { signal })).views;
}

export function createView(organizationId: string, view: NewView): Promise<View> {
  return request<View>(viewsPath(organizationId), { method: "POST", body: view });
}

export function changeView(organizationId: string, viewId: string, view: NewView): Promise<View> {
  return request<View>(viewsPath(organizationId, viewId), { method: "PUT", body: view });
}

export function removeView(organizationId: string, viewId: string): Promise<void> {
  return request<void>(viewsPath(organizationId, viewId), { method: "DELETE" });
}
