import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Suspense, useEffect, useState, type ReactNode } from "react";
import { Redirect, Route, Switch, useLocation, useRoute } from "wouter";
import { meQuery } from "./api/queries";
import type { ApiError } from "./api/request";
import type { Me, Organization } from "./api/types";
import { AnalyticsPage } from "./pages/analytics/AnalyticsPage";
import {
  AuditPage,
  BudgetsPage,
  ClosingPage,
  IntakePage,
  KeyPage,
  KeysPage,
  MemberPage,
  MembersPage,
  MinePage,
  OrganizationPage,
  OrganizationsPage,
  ReconciliationPage,
  ReferencePage,
  SettingsPage,
  StorePage,
  TeamsPage,
  TokensPage,
  type PageName,
} from "./pages/pages";
import { administrationRoutes, analyticsPath, minePath, organizationOf, routes } from "./pages/routes";
import { PageBones } from "./pages/parts/PageBones";
import { Shell } from "./pages/shell/Shell";
import { Connection } from "./pages/shell/Connection";
import { ShellSkeleton } from "./pages/shell/ShellSkeleton";
import { useFreshPage } from "./pages/useFreshPage";
import { useNewVersion } from "./pages/useNewVersion";
import { WithCalendar } from "./pages/window/WithCalendar";
import { closesMonths, firstPage, hasOwnUsage, readsRecords, seesTeams, setsLimits } from "./state/access";
import { Boundary } from "./ui/Boundary";
import { Failure } from "./ui/Failure";
import { lazily } from "./ui/lazily";

const SessionsPage = lazily(() => import("./pages/account/SessionsPage"));
const LoginPage = lazily(() => import("./pages/account/LoginPage"));
const InvitationPage = lazily(() => import("./pages/account/InvitationPage"));
const SignInPage = lazily(() => import("./pages/sign-in/SignInPage"));
const NotFoundPage = lazily(() => import("./pages/NotFoundPage"));
const NoOrganizationPage = lazily(() => import("./pages/NoOrganizationPage"));

export function App({ linkError }: { linkError: ApiError | null }) {
  const client = useQueryClient();
  // A link that failed must not be answered with the cookie of whoever was signed in before.
  const me = useQuery({ ...meQuery, enabled: linkError === null });

  const [reference] = useRoute(routes.reference);
  const [invited] = useRoute(routes.invitation);

  useEffect(() => {
    return client.getQueryCache().subscribe((event) => {
      // A session can end at any time; the page asks again in place, so the address stays.
      if (event.type !== "updated" || event.action.type !== "error") return;
      if ((event.action.error as { status?: number }).status === 401) client.setQueryData(meQuery.queryKey, null);
    });
  }, [client]);

  if (invited) {
    return (
      <Suspense fallback={null}>
        <InvitationPage />
      </Suspense>
    );
  }
  // Readable by everybody: whoever decides on a product reads its reference before they have a token.
  if (reference && !linkError && me.data !== undefined) {
    return (
      <Shell me={me.data} organization={me.data?.organizations[0] ?? null} page="reference">
        <Page>
          <ReferencePage />
        </Page>
      </Shell>
    );
  }
  if (me.data) return <SignedIn me={me.data} />;
  if (linkError || me.data === null) {
    return (
      <Suspense fallback={null}>
        <SignInPage linkError={linkError} />
      </Suspense>
    );
  }
  if (me.error) return <Failure error={me.error} onRetry={() => void me.refetch()} />;
  return <ShellSkeleton />;
}

function SignedIn({ me }: { me: Me }) {
  const first = me.organizations[0];
  const seen = useLastOrganization();
  useFreshPage();
  useNewVersion();

  /** A route of one organization, which the reader must belong to. */
  const within = (
    route: string,
    page: PageName,
    render: (organization: Organization, params: Record<string, string>) => ReactNode,
  ) => (
    <Route path={route}>
      {(params: Record<string, string>) => {
        const wanted = decodeURIComponent(params.organizationId ?? "");
        const organization = me.organizations.find((one) => one.id === wanted);
        if (!organization) return <NotFoundPage me={me} />;
        return (
          <Shell me={me} organization={organization} page={page}>
            <WithCalendar>
              <Connection />
              <Page>{render(organization, params)}</Page>
            </WithCalendar>
          </Shell>
        );
      }}
    </Route>
  );

  /** A page of no organization. The sidebar keeps the one that was looked at last. */
  const whole = (
    route: string,
    page: PageName | null,
    render: (params: Record<string, string | undefined>) => ReactNode,
  ) => (
    <Route path={route}>
      {(params: Record<string, string | undefined>) => (
        <Shell me={me} organization={me.organizations.find((one) => one.id === seen) ?? first ?? null} page={page}>
          <WithCalendar>
            <Connection />
            <Page>{render(params)}</Page>
          </WithCalendar>
        </Shell>
      )}
    </Route>
  );

  /** One of the whole server, for its operator. */
  const administration = (...page: Parameters<typeof whole>) => me.kind === "operator" && whole(...page);

  return (
    <Suspense fallback={<ShellSkeleton />}>
      <Switch>
        <Route path={routes.login}>
          <WithCalendar>
            <LoginPage me={me} />
          </WithCalendar>
        </Route>
        {whole(routes.sessions, null, () => (
          <SessionsPage me={me} />
        ))}
        <Route path="/">
          {first ? <Redirect to={firstPath(me, first)} replace /> : <NoOrganizationPage me={me} />}
        </Route>
        {within(routes.analytics, "analytics", (organization) => (
          <AnalyticsPage key={organization.id} me={me} organization={organization} />
        ))}
        {within(routes.members, "members", (organization) => (
          <MembersPage key={organization.id} me={me} organization={organization} />
        ))}
        {within(routes.member, "members", (organization, { userId }) => {
          const id = decodeURIComponent(userId ?? "");
          return <MemberPage key={`${organization.id} ${id}`} me={me} organization={organization} userId={id} />;
        })}
        {within(routes.keys, "keys", (organization) => (
          <KeysPage key={organization.id} me={me} organization={organization} />
        ))}
        {within(routes.key, "keys", (organization, { apiKeyId }) => {
          const id = decodeURIComponent(apiKeyId ?? "");
          return <KeyPage key={`${organization.id} ${id}`} me={me} organization={organization} apiKeyId={id} />;
        })}
        {hasOwnUsage(me.kind) &&
          within(routes.mine, "mine", (organization) => (
            <MinePage key={organization.id} me={me} organization={organization} />
          ))}
        {within(routes.reconciliation, "reconciliation", (organization) => (
          <ReconciliationPage key={organization.id} me={me} organization={organization} />
        ))}
        {within(routes.closing, "closing", (organization) =>
          closesMonths(me.kind, organization) ? (
            <ClosingPage key={organization.id} me={me} organization={organization} />
          ) : (
            <NotFoundPage me={me} />
          ),
        )}
        {administration(administrationRoutes.organizations, "organizations", () => (
          <OrganizationsPage />
        ))}
        {administration(administrationRoutes.organization, "organizations", ({ organizationId, part }) => {
          const id = decodeURIComponent(organizationId ?? "");
          return <OrganizationPage key={id} organizationId={id} part={part} />;
        })}
        {administration(administrationRoutes.tokens, "tokens", () => (
          <TokensPage />
        ))}
        {administration(administrationRoutes.store, "store", () => (
          <StorePage />
        ))}
        {administration(administrationRoutes.intake, "intake", () => (
          <IntakePage organizationId={null} />
        ))}
        {administration(administrationRoutes.audit, "audit", () => (
          <AuditPage organizationId={null} />
        ))}
        {within(routes.teams, "teams", (organization) =>
          seesTeams(me.kind, organization) ? (
            <TeamsPage key={organization.id} me={me} organization={organization} />
          ) : (
            <NotFoundPage me={me} />
          ),
        )}
        {within(routes.budgets, "budgets", (organization) =>
          setsLimits(me.kind, organization) ? (
            <BudgetsPage key={organization.id} organization={organization} />
          ) : (
            <NotFoundPage me={me} />
          ),
        )}
        {within(routes.intake, "intake", (organization) =>
          readsRecords(me.kind, organization) ? (
            <IntakePage key={organization.id} organizationId={organization.id} />
          ) : (
            <NotFoundPage me={me} />
          ),
        )}
        {within(routes.settings, "settings", (organization, { part }) =>
          me.kind !== "operator" && readsRecords(me.kind, organization) ? (
            <SettingsPage key={organization.id} organizationId={organization.id} part={part} />
          ) : (
            <NotFoundPage me={me} />
          ),
        )}
        {within(routes.audit, "audit", (organization) =>
          readsRecords(me.kind, organization) ? (
            <AuditPage key={organization.id} organizationId={organization.id} />
          ) : (
            <NotFoundPage me={me} />
          ),
        )}
        <Route>
          <NotFoundPage me={me} />
        </Route>
      </Switch>
    </Suspense>
  );
}

/** A page's code comes when the page is opened; what cannot be had or shown says so in its place. */
function Page({ children }: { children: ReactNode }) {
  const [path] = useLocation();
  return (
    <Boundary key={path}>
      <Suspense fallback={<PageBones />}>{children}</Suspense>
    </Boundary>
  );
}

function useLastOrganization(): string | null {
  const [path] = useLocation();
  const here = organizationOf(path);
  const [last, setLast] = useState(here);
  if (here !== null && here !== last) setLast(here);
  return here ?? last;
}

function firstPath(me: Me, organization: Organization): string {
  return firstPage(me.kind, organization) === "mine" ? minePath(organization.id) : analyticsPath(organization.id);
}
