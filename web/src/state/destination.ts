const KEY = "rollcall.destination";

/** Where somebody wanted to go before they had to sign in; a sign-in link opens another address. */
export function rememberDestination(path: string): void {
  try {
    if (path !== "/") sessionStorage.setItem(KEY, path);
  } catch {
    // Without storage they land on the first page, which is no harm.
  }
}

export function takeDestination(): string | null {
  const path = destination();
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Nothing was kept there either.
  }
  return path;
}

/** The same, to be taken later: a sign-in elsewhere may come to nothing. */
export function destination(): string | null {
  try {
    const path = sessionStorage.getItem(KEY);
    return path?.startsWith("/") && !path.startsWith("//") ? path : null;
  } catch {
    return null;
  }
}

/** The token of a sign-in link ("…/#token=rc_…"). */
export function tokenInFragment(fragment: string): string | null {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("token") || null;
}
