import type { components } from "../api/schema";

export type Settings = Required<components["schemas"]["Settings"]>;

const none: Settings = {
  productName: null,
  logo: null,
  accent: null,
  defaultTimezone: null,
  currencyLabel: null,
  upgradeText: null,
  upgradeUrl: null,
  signIn: null,
};

/** What the operator has set is in the page itself: a name that came with a request would flash another one first. */
function inPage(): Settings {
  const written = typeof document === "undefined" ? null : document.getElementById("settings")?.textContent;
  return written ? { ...none, ...(JSON.parse(written) as Settings) } : none;
}

export const settings = inPage();
