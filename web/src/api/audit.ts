import { request } from "./request";
import type { components } from "./schema";

export type AuditEntry = components["schemas"]["AuditEntry"];
type AuditAnswer = components["schemas"]["AuditAnswer"];

/** Which entries are meant; what is empty leaves them all. */
export interface AuditFilter {
  from: string;
  to: string;
  userId: string;
}

/** Who did what, newest first: everywhere, or what is an organization's. */
export function auditPath(organizationId: string | null, timezone: string, filter: AuditFilter, more: Record<string, string>): string {
  const all = { ...(organizationId !== null && { organizationId }), timezone, ...filter, ...more };
  return `/v1/audit?${new URLSearchParams(Object.entries(all).filter(([, value]) => value !== ""))}`;
}

export function fetchAudit(path: string, signal?: AbortSignal): Promise<AuditAnswer> {
  return request<AuditAnswer>(path, { signal });
}
