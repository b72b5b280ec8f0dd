import { ahead, lazily } from "../ui/lazily";

export type PageName =
  | "analytics"
  | "members"
  | "keys"
  | "mine"
  | "reconciliation"
  | "closing"
  | "budgets"
  | "teams"
  | "reference"
  | "organizations"
  | "tokens"
  | "store"
  | "intake"
  | "audit"
  | "settings";

const loads = {
  members: () => import("./members/MembersPage"),
  member: () => import("./member/MemberPage"),
  keys: () => import("./keys/KeysPage"),
  key: () => import("./key/KeyPage"),
  mine: () => import("./mine/MinePage"),
  reconciliation: () => import("./reconciliation/ReconciliationPage"),
  closing: () => import("./closing/ClosingPage"),
  budgets: () => import("./budgets/BudgetsPage"),
  teams: () => import("./teams/TeamsPage"),
  reference: () => import("./reference/ReferencePage"),
  organizations: () => import("./administration/OrganizationsPage"),
  organization: () => import("./administration/OrganizationPage"),
  tokens: () => import("./administration/TokensPage"),
  store: () => import("./administration/StorePage"),
  intake: () => import("./intake/IntakePage"),
  audit: () => import("./audit/AuditPage"),
  settings: () => import("./administration/SettingsPage"),
};

/** The first page is in the first load, every other one comes when it is asked for. */
export const MembersPage = lazily(loads.members);
export const MemberPage = lazily(loads.member);
export const KeysPage = lazily(loads.keys);
export const KeyPage = lazily(loads.key);
export const MinePage = lazily(loads.mine);
export const ReconciliationPage = lazily(loads.reconciliation);
export const ClosingPage = lazily(loads.closing);
export const BudgetsPage = lazily(loads.budgets);
export const TeamsPage = lazily(loads.teams);
export const ReferencePage = lazily(loads.reference);
export const OrganizationsPage = lazily(loads.organizations);
export const OrganizationPage = lazily(loads.organization);
export const TokensPage = lazily(loads.tokens);
export const StorePage = lazily(loads.store);
export const IntakePage = lazily(loads.intake);
export const AuditPage = lazily(loads.audit);
export const SettingsPage = lazily(loads.settings);

/** Somebody points at a page's name: its code can be here before they press. */
export function loadAhead(page: PageName): void {
  if (page !== "analytics") ahead(loads[page]);
  if (page === "members") ahead(loads.member);
  if (page === "keys") ahead(loads.key);
  if (page === "organizations") ahead(loads.organization);
}
