import { searchText, writeTimeWindow, type TimeWindow } from "../state/timeWindow";
import type { Biller } from "../api/reconciliation";
import type { Span } from "../time/presets";
import { NOBODY } from "../state/listView";
import { UNPRICED, writeFilters, type Filters, type Grouping } from "../state/filters";

export const routes = {
  analytics: "/organizations/:organizationId/analytics",
  members: "/organizations/:organizationId/members",
  member: "/organizations/:organizationId/members/:userId",
  keys: "/organizations/:organizationId/keys",
  key: "/organizations/:organizationId/keys/:apiKeyId",
  mine: "/organizations/:organizationId/my-usage",
  reconciliation: "/organizations/:organizationId/reconciliation",
  budgets: "/organizations/:organizationId/budgets",
  closing: "/organizations/:organizationId/closing",
  teams: "/organizations/:organizationId/teams",
  intake: "/organizations/:organizationId/intake",
  audit: "/organizations/:organizationId/audit",
  settings: "/organizations/:organizationId/settings/:part?",
  reference: "/reference",
  sessions: "/sessions",
  login: "/login",
  invitation: "/invitation",
} as const;

function organizationPath(
  organizationId: string,
  rest: string,
  window: TimeWindow | null,
  also: Record<string, string> = {},
  filters: Filters = {},
) {
  const params = window ? writeTimeWindow(window) : new URLSearchParams();
  for (const [name, value] of Object.entries(also)) params.set(name, value);
  writeFilters(filters, params);
  const search = searchText(params);
  return `/organizations/${encodeURIComponent(organizationId)}/${rest}${search ? `?${search}` : ""}`;
}

export const analyticsPath = (organizationId: string, window: TimeWindow | null = null) =>
  organizationPath(organizationId, "analytics", window);

/** The analytics of part of an organization's usage, broken down by something else. */
export const narrowedPath = (organizationId: string, window: TimeWindow, by: Grouping, filters: Filters) =>
  organizationPath(organizationId, "analytics", window, { by }, filters);

/** What has no price, by model: a price is of a model. Counted, for it has no cost. */
export const unpricedPath = (organizationId: string, window: TimeWindow, filters: Filters = {}) =>
  organizationPath(organizationId, "analytics", window, { by: "model", metric: "requests" }, { ...filters, ...UNPRICED });

export const membersPath = (organizationId: string, window: TimeWindow | null = null) =>
  organizationPath(organizationId, "members", window);

export const memberPath = (organizationId: string, userId: string, window: TimeWindow) =>
  organizationPath(organizationId, `members/${encodeURIComponent(userId)}`, window);

export const keysPath = (
  organizationId: string,
  window: TimeWindow | null = null,
  narrowed: { project?: string; creator?: string } = {},
) => organizationPath(organizationId, "keys", window, narrowed);

export const keyPath = (organizationId: string, apiKeyId: string, window: TimeWindow) =>
  organizationPath(organizationId, `keys/${encodeURIComponent(apiKeyId)}`, window);

export const minePath = (organizationId: string, window: TimeWindow | null = null) =>
  organizationPath(organizationId, "my-usage", window);

export const reconciliationPath = (organizationId: string, window: TimeWindow | null = null, provider?: Biller) =>
  organizationPath(organizationId, "reconciliation", window, provider && { provider });

export const closingPath = (organizationId: string) => organizationPath(organizationId, "closing", null);

export const budgetsPath = (organizationId: string) => organizationPath(organizationId, "budgets", null);

export const teamsPath = (organizationId: string) => organizationPath(organizationId, "teams", null);

export const intakePath = (organizationId: string) => organizationPath(organizationId, "intake", null);

/** What arrived on these UTC days. */
export const intakeOfPath = (organizationId: string, { from, to }: Span) =>
  organizationPath(organizationId, "intake", null, { from, to });

export const auditPath = (organizationId: string) => organizationPath(organizationId, "audit", null);

/** Where owners run their organization. */
export const settingsPath = (organizationId: string, part?: string) =>
  organizationPath(organizationId, part ? `settings/${part}` : "settings", null);

/** Where one key of a grouping has a page of its own; null where it has none. */
export function entryPath(
  organizationId: string,
  grouping: Grouping,
  key: string | null,
  window: TimeWindow,
): string | null {
  if (grouping === "user") {
    return key === null
      ? keysPath(organizationId, window, { creator: NOBODY })
      : memberPath(organizationId, key, window);
  }
  if (key === null) return null;
  if (grouping === "apiKey") return keyPath(organizationId, key, window);
  if (grouping === "project") return keysPath(organizationId, window, { project: key });
  return null;
}

/** Pages about the whole server, for its operator. */
export const administrationRoutes = {
  organizations: "/administration/organizations",
  organization: "/administration/organizations/:organizationId/:part?",
  tokens: "/administration/tokens",
  store: "/administration/store",
  intake: "/administration/intake",
  audit: "/administration/audit",
} as const;

export const organizationEntryPath = (organizationId: string, part?: string) =>
  `${administrationRoutes.organizations}/${encodeURIComponent(organizationId)}${part ? `/${part}` : ""}`;

/** The id of the organization that a page is about. */
export function organizationOf(path: string): string | null {
  const id = /^\/organizations\/([^/]+)/.exec(path)?.[1];
  return id === undefined ? null : decodeURIComponent(id);
}
