import type { Day } from "../time/day";

/** What every usage question says: whose, and which local days. */
export interface UsageQuestion {
  organizationId: string;
  from: Day;
  to: Day;
  timezone: string;
}

export function usagePath(path: string, question: UsageQuestion, also: Record<string, string> = {}): string {
  const { organizationId, from, to, timezone } = question;
  return `/analytics/${path}?${new URLSearchParams({ organizationId, from, to, timezone, ...also })}`;
}

export const asCsv = { format: "csv" };
