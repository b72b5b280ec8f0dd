import type { Me, Organization } from "../api/types";
import { analyticsAccess, closesMonths, hasOwnUsage, readsRecords, seesTeams, setsLimits } from "../state/access";
import type { TimeWindow } from "../state/timeWindow";
import { text } from "../text";
import type { IconName } from "../ui/Icon";
import type { PageName } from "./pages";
import {
  analyticsPath,
  auditPath,
  budgetsPath,
  closingPath,
  intakePath,
  keysPath,
  membersPath,
  minePath,
  reconciliationPath,
  routes,
  settingsPath,
  teamsPath,
} from "./routes";

interface Entry {
  page: PageName;
  icon: IconName;
  label: string;
  path: (organizationId: string, window: TimeWindow) => string;
  /** Whether it is for owners and admins of an organization on Enterprise alone. */
  guarded: boolean;
}

export const entries: readonly Entry[] = [
  { page: "analytics", icon: "chart", label: text.navigation.analytics, path: analyticsPath, guarded: true },
  { page: "members", icon: "people", label: text.navigation.members, path: membersPath, guarded: true },
  { page: "keys", icon: "key", label: text.navigation.keys, path: keysPath, guarded: false },
  { page: "mine", icon: "person", label: text.navigation.mine, path: minePath, guarded: false },
  {
    page: "reconciliation",
    icon: "receipt",
    label: text.reconciliation.title,
    path: (id, window) => reconciliationPath(id, window),
    guarded: true,
  },
  { page: "closing", icon: "calendarCheck", label: text.closing.title, path: closingPath, guarded: true },
  { page: "teams", icon: "sections", label: text.teams.title, path: teamsPath, guarded: false },
  { page: "budgets", icon: "gauge", label: text.budgets.title, path: budgetsPath, guarded: false },
  { page: "intake", icon: "inbox", label: text.intake.title, path: intakePath, guarded: false },
  { page: "audit", icon: "scroll", label: text.audit.title, path: auditPath, guarded: false },
  { page: "settings", icon: "building", label: text.administration.organization.one, path: (id) => settingsPath(id), guarded: false },
];

/** Pages that somebody has no use for are not shown; the operator finds what owners have under administration. */
export function isFor(me: Me, organization: Organization, page: PageName): boolean {
  if (page === "teams") return seesTeams(me.kind, organization);
  if (page === "closing") return closesMonths(me.kind, organization);
  if (page === "budgets") return setsLimits(me.kind, organization);
  if (page === "mine") return hasOwnUsage(me.kind);
  const isOfOwners = page === "audit" || page === "intake" || page === "settings";
  return !isOfOwners || (me.kind !== "operator" && readsRecords(me.kind, organization));
}

/** What somebody may open, as the palette lists it. */
export function pagesFor(me: Me, organization: Organization, window: TimeWindow) {
  const access = analyticsAccess(me.kind, organization);
  return [
    ...entries
      .filter((entry) => (entry.guarded ? access === "granted" : isFor(me, organization, entry.page)))
      .map(({ page, icon, label, path }) => ({ id: page as string, icon, label, path: path(organization.id, window) })),
    { id: "reference", icon: "book" as IconName, label: text.navigation.reference, path: routes.reference as string },
  ];
}
