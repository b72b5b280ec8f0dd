export type AnalyticsAccess = "granted" | "needs-plan" | "needs-role";

/** Known from the membership before anything is asked, so that no refusal flashes by while loading. */
export function analyticsAccess(
  kind: string,
  organization: { plan: string; role?: string | null },
): AnalyticsAccess {
  if (kind === "operator") return "granted";
  if (organization.role !== "owner" && organization.role !== "admin") return "needs-role";
  return organization.plan === "enterprise" ? "granted" : "needs-plan";
}

/** An operator's token belongs to nobody, so it has no keys and no usage of its own. */
export function hasOwnUsage(kind: string): boolean {
  return kind !== "operator";
}

/** Owners read what was done in their organization and sent to it; the operator reads all of it. */
export function readsRecords(kind: string, organization: { role?: string | null }): boolean {
  return kind === "operator" || organization.role === "owner";
}

/** Who says what teams there are, or may see what each of them costs. */
export function seesTeams(kind: string, organization: { plan: string; role?: string | null }): boolean {
  return readsRecords(kind, organization) || analyticsAccess(kind, organization) === "granted";
}

/** Whoever runs an organization says what may be used in it. */
export function setsLimits(kind: string, organization: { role?: string | null }): boolean {
  return kind === "operator" || organization.role === "owner" || organization.role === "admin";
}

/** Whoever runs an organization hands its months over. */
export function closesMonths(kind: string, organization: { role?: string | null }): boolean {
  return setsLimits(kind, organization);
}

/** Developers see their own figures only, so that is where they begin. */
export function firstPage(kind: string, organization: { role?: string | null }): "analytics" | "mine" {
  return hasOwnUsage(kind) && organization.role === "developer" ? "mine" : "analytics";
}
