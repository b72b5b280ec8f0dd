/** Errors of all requests; requests that the caller got wrong are counted apart. */
export function errorShare(block: { errorCount: number; requestCount: number }): number {
  return block.requestCount === 0 ? 0 : block.errorCount / block.requestCount;
}
