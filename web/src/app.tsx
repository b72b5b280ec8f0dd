import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { Redirect, Route, Switch } from "wouter";
import { meQuery } from "./api/queries";
import type { ApiError } from "./api/request";
import type { Me } from "./api/types";
import { AnalyticsPage } from "./pages/analytics/AnalyticsPage";
import { NoOrganizationPage, NotFoundPage } from "./pages/NotFoundPage";
import { analyticsPath, routes } from "./pages/routes";
import { Shell } from "./pages/shell/Shell";
import { ShellSkeleton } from "./pages/shell/ShellSkeleton";
import { Failure } from "./ui/Failure";

const SignInPage = lazy(() => import("./pages/sign-in/SignInPage"));

export function App({ linkError }: { linkError: ApiError | null }) {
  const client = useQueryClient();
  // A link that failed must not be answered with the cookie of whoever was signed in before.
  const me = useQuery({ ...meQuery, enabled: linkError === null });

  useEffect(() => {
    return client.getQueryCache().subscribe((event) => {
      // A session can end at any time; the page asks again in place, so the address stays.
      if (event.type !== "updated" || event.action.type !== "error") return;
      if ((event.action.error as { status?: number }).status === 401) client.setQueryData(meQuery.queryKey, null);
    });
  }, [client]);

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
  return (
    <Switch>
      <Route path="/">
        {first ? <Redirect to={analyticsPath(first.id)} replace /> : <NoOrganizationPage me={me} />}
      </Route>
      <Route path={routes.analytics}>
        {({ organizationId }) => {
          const organization = me.organizations.find((one) => one.id === decodeURIComponent(organizationId));
          return organization ? (
            <Shell me={me} organization={organization} page="analytics">
              <AnalyticsPage key={organization.id} me={me} organization={organization} />
            </Shell>
          ) : (
            <NotFoundPage me={me} />
          );
        }}
      </Route>
      <Route>
        <NotFoundPage me={me} />
      </Route>
    </Switch>
  );
}
