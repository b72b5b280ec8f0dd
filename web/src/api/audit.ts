import { request } from "./request";
import type { components } from "./schema";

export type AuditEntry = components["schemas"]["AuditEntry"];
type AuditAnswer = components["schemas"]["AuditAnswer"];

/** Who did what, newest first: everywhere, or what is an organization's. */
export function fetchAudit(organizationId: string | null, before: number | null, signal?: AbortSignal): Promise<AuditAnswer> {
  const params = new URLSearchParams();
  if (organizationId !== null) params.set("organizationId", organizationId);
  if (before !== null) params.set("before", String(before));
  return request<AuditAnswer>(`/v1/audit?${params}`, { signal });
}
