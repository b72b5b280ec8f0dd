// First, so that every component's own rules come after the shared ones.
import "./ui/tokens.css";
import "./ui/base.css";
import "./ui/controls.css";
import "./ui/print.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/request";
import { calendarQuery, makeQueryClient, meQuery } from "./api/queries";
import { signIn } from "./api/session";
import { App } from "./app";
import { charted } from "./pages/analytics/question";
import { analyticsPath } from "./pages/routes";
import { ShellSkeleton } from "./pages/shell/ShellSkeleton";
import { analyticsAccess } from "./state/access";
import { Boundary } from "./ui/Boundary";
import { NotLoaded } from "./ui/lazily";
import { language } from "./text/language";
import { takeDestination, tokenInFragment } from "./state/destination";
import { linkFault } from "./state/timeWindow";
import { readView } from "./state/view";

document.documentElement.lang = language;
const root = createRoot(document.getElementById("root") as HTMLElement, {
  // Code that does not come is no bug, and the page says so itself.
  onCaughtError: (error) => {
    if (!(error instanceof NotLoaded)) console.error(error);
  },
});
const client = makeQueryClient();

/** Longer than this nobody looks at an empty page. */
const MOMENT_MS = 100;

/** The token leaves the address bar and the history before anything else can read or share it. */
async function signInByLink(): Promise<ApiError | null> {
  const token = tokenInFragment(location.hash);
  if (!token) return null;
  history.replaceState(null, "", location.pathname + location.search);
  root.render(<ShellSkeleton />);
  try {
    client.setQueryData(meQuery.queryKey, await signIn(token));
    const destination = location.pathname === "/" ? takeDestination() : null;
    if (destination) history.replaceState(null, "", destination);
    return null;
  } catch (error) {
    return error instanceof ApiError ? error : new ApiError(0, null);
  }
}

/** Who it is, what day, and what the first chart shows: for those who are signed in, where the address says the zone. */
async function firstAnswers(): Promise<void> {
  const me = await client.fetchQuery(meQuery).catch(() => null);
  const { pathname, search } = location;
  const params = new URLSearchParams(search);
  const zone = params.get("tz");
  const calendar = me && zone && (await client.fetchQuery(calendarQuery(zone)).catch(() => null));
  if (!calendar || linkFault(params)) return;
  const organization = me.organizations.find(({ id }) => pathname === analyticsPath(id));
  if (!organization || analyticsAccess(me.kind, organization) !== "granted") return;
  await client.prefetchQuery(charted(organization.id, readView(search, calendar.timezone), calendar.today).query);
}

const linkError = await signInByLink();
// Half of that was asked before this code was here (see first.js), so the page can mostly begin with it instead of bones.
if (linkError === null) await Promise.race([firstAnswers(), new Promise((passed) => setTimeout(passed, MOMENT_MS))]);

// A second sign-in link pasted into an open page changes the fragment only.
addEventListener("hashchange", () => {
  if (tokenInFragment(location.hash)) location.reload();
});

root.render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <Boundary>
        <App linkError={linkError} />
      </Boundary>
    </QueryClientProvider>
  </StrictMode>,
);
