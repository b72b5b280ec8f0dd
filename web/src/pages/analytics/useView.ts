import { useCallback, useEffect, useMemo } from "react";
import { useLocation } from "wouter";
import { changeView, readView, writeView, type View } from "../../state/view";
import { browserZone } from "../../time/zones";
import { useRawSearch } from "../useRawSearch";

/** The view lives in the address alone: a link reproduces it, and back undoes a change. */
export function useView(): [View, (change: Partial<View>) => void] {
  const search = useRawSearch();
  const [path, navigate] = useLocation();
  const view = useMemo(() => readView(search, browserZone()), [search]);

  // An address without the reader's zone in it would show other days to somebody elsewhere.
  const complete = writeView(view);
  useEffect(() => {
    if (complete !== search) navigate(`${path}?${complete}`, { replace: true });
  }, [complete, search, path, navigate]);

  const change = useCallback(
    (part: Partial<View>) => {
      const next = writeView(changeView(view, part));
      if (next !== writeView(view)) navigate(`${path}?${next}`);
    },
    [view, path, navigate],
  );
  return [view, change];
}
