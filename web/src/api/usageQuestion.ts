import type { Day } from "../time/day";
import type { Span } from "../time/presets";

/** What every usage question says: whose, and which local days. */
export interface UsageQuestion {
  organizationId: string;
  from: Day;
  to: Day;
  timezone: string;
  /** The earlier window that figures are set against, where an answer has one. */
  compare?: Span;
}

export function usagePath(path: string, question: UsageQuestion, also: Record<string, string> = {}): string {
  const { organizationId, from, to, timezone, compare } = question;
  const params = new URLSearchParams({ organizationId, from, to, timezone, ...also });
  if (compare) setCompared(params, compare);
  return `/analytics/${path}?${params}`;
}

export function setCompared(params: URLSearchParams, { from, to }: Span): void {
  params.set("compareFrom", from);
  params.set("compareTo", to);
}

export const asCsv = { format: "csv" };
