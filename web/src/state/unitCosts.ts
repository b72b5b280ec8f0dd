interface Block {
  cost: number;
  requestCount: number;
  totalTokens: number;
}

/** What a request and a million tokens cost; null where there are none. For reading: the sums are the exact figures. */
export function unitCosts({ cost, requestCount, totalTokens }: Block): { request: number | null; million: number | null } {
  const of = (count: number, each: number) => (count === 0 ? null : (cost / count) * each);
  return { request: of(requestCount, 1), million: of(totalTokens, 1_000_000) };
}
