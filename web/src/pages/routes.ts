export const routes = {
  analytics: "/organizations/:organizationId/analytics",
} as const;

export function analyticsPath(organizationId: string): string {
  return `/organizations/${encodeURIComponent(organizationId)}/analytics`;
}
