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
