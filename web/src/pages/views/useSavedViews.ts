import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useSyncExternalStore } from "react";
import { meQuery } from "../../api/queries";
import { readSavedViews, type SavedView } from "../../state/savedViews";

const listeners = new Set<() => void>();
/** Where storage is forbidden, views last until the page is left. */
const memory = new Map<string, string>();

function load(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return memory.get(key) ?? null;
  }
}

function store(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    memory.set(key, text);
  }
  for (const listener of listeners) listener();
}

/** Another tab's changes arrive by themselves. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("storage", listener);
  };
}

/** The views of whoever is signed in, kept by this browser alone. */
export function useSavedViews(): [readonly SavedView[], (change: (views: readonly SavedView[]) => SavedView[]) => void] {
  const me = useQuery(meQuery).data;
  const key = `rollcall.views.${me?.user?.id ?? `~${me?.kind ?? ""}`}`;
  const stored = useSyncExternalStore(subscribe, () => load(key));
  const views = useMemo(() => readSavedViews(stored), [stored]);
  const change = useCallback(
    (next: (views: readonly SavedView[]) => SavedView[]) => store(key, JSON.stringify(next(readSavedViews(load(key))))),
    [key],
  );
  return [views, change];
}
