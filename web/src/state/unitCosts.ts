interface Block {
  cost: number;
  requestCount: number;
  /** Left out where there are none. */
  unpricedRequestCount?: number;
  totalTokens: number;
}

/**
 * What a request and a million tokens cost; null where that cannot be said. Requests without a price are none of those
 * that were paid for, and how many tokens they had is not known: so a million's cost is only said where all have one.
 * For reading: the sums are the exact figures.
 */
export function unitCosts({ cost, requestCount, unpricedRequestCount = 0, totalTokens }: Block) {
  const priced = requestCount - unpricedRequestCount;
  return {
    request: priced === 0 ? null : cost / priced,
    million: unpricedRequestCount > 0 || totalTokens === 0 ? null : (cost / totalTokens) * 1_000_000,
  };
}
