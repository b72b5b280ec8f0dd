// First, so that every component's own rules come after the shared ones.
import "./ui/tokens.css";
import "./ui/base.css";
import "./ui/controls.css";
import "./ui/print.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/request";
import { makeQueryClient, meQuery } from "./api/queries";
import { signIn } from "./api/session";
import { App } from "./app";
import { ShellSkeleton } from "./pages/shell/ShellSkeleton";
import { Boundary } from "./ui/Boundary";
import { NotLoaded } from "./ui/lazily";
import { language } from "./text/language";
import { takeDestination, tokenInFragment } from "./state/destination";

document.documentElement.lang = language;
const root = createRoot(document.getElementById("root") as HTMLElement, {
  // Code that does not come is no bug, and the page says so itself.
  onCaughtError: (error) => {
    if (!(error instanceof NotLoaded)) console.error(error);
  },
});
const client = makeQueryClient();

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

const linkError = await signInByLink();

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
