import { useQuery } from "@tanstack/react-query";
import type { Saved } from "../../api/cacheSaving";
import { cacheSavingQuery } from "../../api/queries";
import type { UsageQuestion } from "../../api/usageQuestion";
import type { Grouping } from "../../state/filters";

export interface Savings {
  all: Saved;
  /** Of these together. */
  ofAll: (keys: readonly (string | null)[]) => Saved;
  /** Of one entry; nothing where it has no cached tokens. */
  of: (key: string | null) => Saved;
  /** Of all but these. */
  ofOthers: (keys: readonly (string | null)[]) => Saved;
}

const NOTHING: Saved = { cachedTokens: 0, cacheSaving: 0, unpricedCachedTokens: 0 };

/** Whether there is anything to ask about. */
export function hasCached(totals: { cachedTokens: number } | undefined): boolean {
  return totals !== undefined && totals.cachedTokens > 0;
}

/** What caches saved, by one thing; null until it is known. Asked after what a page is about, which it may not hold up. */
export function useCacheSaving(
  question: UsageQuestion,
  groupBy: Grouping,
  { enabled, refetchInterval }: { enabled: boolean; refetchInterval: number | false },
): Savings | null {
  const { data } = useQuery({ ...cacheSavingQuery(question, groupBy), enabled, refetchInterval });
  if (!data) return null;
  return {
    all: data.totals,
    ofAll: (keys) => sum(data.entries.filter(({ key }) => keys.includes(key ?? null))),
    of: (key) => data.entries.find((entry) => (entry.key ?? null) === key) ?? NOTHING,
    ofOthers: (keys) => sum(data.entries.filter(({ key }) => !keys.includes(key ?? null))),
  };
}

/** For reading: the exact sum of all is the server's. */
function sum(entries: readonly Saved[]): Saved {
  const plus = (one: Saved, other: Saved): Saved => ({
    cachedTokens: one.cachedTokens + other.cachedTokens,
    cacheSaving: one.cacheSaving + other.cacheSaving,
    unpricedCachedTokens: one.unpricedCachedTokens + other.unpricedCachedTokens,
  });
  return entries.reduce(plus, NOTHING);
}
