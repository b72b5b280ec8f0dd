import { useCallback, useEffect, useMemo } from "react";
import { useLocation } from "wouter";
import { firstZone } from "../time/zones";
import { useRawSearch } from "./useRawSearch";

interface Spelling<State> {
  read: (search: string, ownZone: string) => State;
  write: (state: State) => string;
  merge?: (state: State, change: Partial<State>) => State;
}

export type Change<State> = (part: Partial<State>, how?: "push" | "replace") => void;

/** A page's state lives in the address alone: a link reproduces it, and back undoes a change. */
export function useAddress<State extends object>(spelling: Spelling<State>): [State, Change<State>] {
  const { read, write, merge } = spelling;
  const search = useRawSearch();
  const [path, navigate] = useLocation();
  const state = useMemo(() => read(search, firstZone()), [read, search]);

  // An address without the reader's zone in it would show other days to somebody elsewhere.
  const complete = write(state);
  useEffect(() => {
    if (complete !== search) navigate(`${path}?${complete}`, { replace: true });
  }, [complete, search, path, navigate]);

  const change = useCallback<Change<State>>(
    (part, how = "push") => {
      const next = write(merge ? merge(state, part) : { ...state, ...part });
      // Typing in a search field is no step that back should undo letter by letter.
      if (next !== write(state)) navigate(`${path}?${next}`, { replace: how === "replace" });
    },
    [state, path, navigate, write, merge],
  );
  return [state, change];
}
