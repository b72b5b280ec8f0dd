import { lazy } from "react";

export type PageName =
  | "analytics"
  | "members"
  | "keys"
  | "mine"
  | "reconciliation"
  | "reference"
  | "organizations"
  | "tokens"
  | "store"
  | "intake"
  | "audit";

const loads = {
  members: () => import("./members/MembersPage"),
  member: () => import("./member/MemberPage"),
  keys: () => import("./keys/KeysPage"),
  key: () => import("./key/KeyPage"),
  mine: () => import("./mine/MinePage"),
  reconciliation: () => import("./reconciliation/ReconciliationPage"),
  reference: () => import("./reference/ReferencePage"),
  organizations: () => import("./administration/OrganizationsPage"),
  organization: () => import("./administration/OrganizationPage"),
  tokens: () => import("./administration/TokensPage"),
  store: () => import("./administration/StorePage"),
  intake: () => import("./intake/IntakePage"),
  audit: () => import("./audit/AuditPage"),
};

/** The first page is in the first load, every other one comes when it is asked for. */
export const MembersPage = lazy(loads.members);
export const MemberPage = lazy(loads.member);
export const KeysPage = lazy(loads.keys);
export const KeyPage = lazy(loads.key);
export const MinePage = lazy(loads.mine);
export const ReconciliationPage = lazy(loads.reconciliation);
export const ReferencePage = lazy(loads.reference);
export const OrganizationsPage = lazy(loads.organizations);
export const OrganizationPage = lazy(loads.organization);
export const TokensPage = lazy(loads.tokens);
export const StorePage = lazy(loads.store);
export const IntakePage = lazy(loads.intake);
export const AuditPage = lazy(loads.audit);

/** Somebody points at a page's name: its code can be here before they press. */
export function loadAhead(page: PageName): void {
  if (page !== "analytics") void loads[page]();
  if (page === "members") void loads.member();
  if (page === "keys") void loads.key();
  if (page === "organizations") void loads.organization();
}
