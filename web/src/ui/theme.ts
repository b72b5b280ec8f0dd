import { useSyncExternalStore } from "react";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const KEY = "rollcall.theme";
const listeners = new Set<() => void>();
const darkSystem = window.matchMedia("(prefers-color-scheme: dark)");

function chosenTheme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

let printing = false;

function isPrinting(): boolean {
  return printing;
}

/** Paper is light, whatever the screen is: the attribute turns the tokens, the listeners the drawings. */
function setPrinting(now: boolean): void {
  printing = now;
  document.documentElement.toggleAttribute("data-printing", now);
  for (const listener of listeners) listener();
}
addEventListener("beforeprint", () => setPrinting(true));
addEventListener("afterprint", () => setPrinting(false));

function isDark(): boolean {
  if (printing) return false;
  const theme = chosenTheme();
  return theme === "system" ? darkSystem.matches : theme === "dark";
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  darkSystem.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    darkSystem.removeEventListener("change", listener);
  };
}

export function setTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Where storage is forbidden the choice holds until the page is left.
  }
  for (const listener of listeners) listener();
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, chosenTheme);
}

/** What the eye gets: for drawings that cannot follow the tokens by themselves. */
export function useDark(): boolean {
  return useSyncExternalStore(subscribe, isDark);
}

/** True from just before the page goes to paper until after: for drawings that have a size of their own there. */
export function usePrinting(): boolean {
  return useSyncExternalStore(subscribe, isPrinting);
}
