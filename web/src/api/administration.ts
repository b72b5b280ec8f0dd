import type { Span } from "../time/presets";
import { request, requestText } from "./request";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Directory = Schemas["Directory"];
export type OrganizationEntry = Schemas["Organization"];
export type ProjectEntry = Schemas["Project"];
export type User = Schemas["User"];
export type MemberEntry = Schemas["Member"];
export type KeyEntry = Schemas["ApiKey"];
export type Plan = Schemas["PlanName"];
export type Role = Schemas["RoleName"];
export type Token = Schemas["Token"];
export type TokenKind = Schemas["TokenKind"];
export type NewToken = Schemas["NewToken"];
export type CreatedToken = Schemas["CreatedToken"];
export type Compaction = Schemas["Compaction"];
export type Verification = Schemas["Verification"];
export type RepriceAnswer = Schemas["RepriceAnswer"];
export type Health = Schemas["Health"];

/** All of the directory, or one organization's part of it. */
export function fetchDirectory(organizationId: string | null, signal?: AbortSignal): Promise<Directory> {
  return request<Directory>(`/v1/directory${only(organizationId)}`, { signal });
}

const only = (organizationId: string | null) =>
  organizationId === null ? "" : `?${new URLSearchParams({ organizationId })}`;

/** Merges by id: what is left out stays as it is. */
export function changeDirectory(entries: Partial<Directory>): Promise<unknown> {
  return request("/v1/directory", { method: "PUT", body: entries });
}

export function endMembership(organizationId: string, userId: string): Promise<void> {
  const path = `/v1/organizations/${encodeURIComponent(organizationId)}/members/${encodeURIComponent(userId)}`;
  return request<void>(path, { method: "DELETE" });
}

/** All tokens, or those that are for one organization alone. */
export async function fetchTokens(organizationId: string | null, signal?: AbortSignal): Promise<Token[]> {
  return (await request<{ tokens: Token[] }>(`/v1/tokens${only(organizationId)}`, { signal })).tokens;
}

export function createToken(token: NewToken): Promise<CreatedToken> {
  return request<CreatedToken>("/v1/tokens", { method: "POST", body: token });
}

/** The token of a secret: in the body of a post, for what stands in addresses is kept by many. */
export function findToken(token: string): Promise<Token> {
  return request<Token>("/v1/tokens/find", { method: "POST", body: { token } });
}

export function revokeToken(id: string): Promise<void> {
  return request<void>(`/v1/tokens/${encodeURIComponent(id)}`, { method: "DELETE" });
}

export type BackupList = Schemas["BackupList"];

export function fetchBackups(signal?: AbortSignal): Promise<BackupList> {
  return request<BackupList>("/v1/backups", { signal });
}

export const BACKUP_PATH = "/v1/backup";

export function compactStore(): Promise<Compaction> {
  return request<Compaction>("/v1/compact", { method: "POST" });
}

export function verifyStore(): Promise<Verification> {
  return request<Verification>("/v1/verify", { method: "POST" });
}

/** Unpriced requests of these UTC days get the price that is known now, or would with `dryRun`. */
export function reprice(days: Span, dryRun: boolean, signal?: AbortSignal): Promise<RepriceAnswer> {
  return request<RepriceAnswer>("/v1/reprice", { method: "POST", body: { ...days, dryRun }, signal });
}

export function fetchHealth(signal?: AbortSignal): Promise<Health> {
  return request<Health>("/healthz", { signal });
}

export function fetchReadiness(signal?: AbortSignal): Promise<Health> {
  return request<Health>("/readyz", { signal });
}

/** Counters in Prometheus' text format. */
export function fetchMetrics(signal?: AbortSignal): Promise<string> {
  return requestText("/metrics", { signal });
}
