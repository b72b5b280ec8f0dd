import { groupings, type Filters, type Grouping } from "../state/filters";
import type { Day } from "../time/day";
import type { Span } from "../time/presets";

/** What every usage question says: whose, and which local days. */
export interface UsageQuestion {
  organizationId: string;
  from: Day;
  to: Day;
  timezone: string;
  /** Which usage counts, where an answer can be narrowed. */
  filters?: Filters;
  /** The earlier window that figures are set against, where an answer has one. */
  compare?: Span;
}

export function usagePath(path: string, question: UsageQuestion, also: Record<string, string> = {}): string {
  const { organizationId, from, to, timezone, filters = {}, compare } = question;
  const params = new URLSearchParams({ organizationId, from, to, timezone, ...also });
  setFilters(params, filters);
  if (compare) setCompared(params, compare);
  return `/analytics/${path}?${params}`;
}

const filterNames: Record<Grouping, string> = {
  model: "model",
  project: "projectId",
  apiKey: "apiKeyId",
  user: "userId",
  team: "team",
  costCentre: "costCentre",
  provider: "provider",
  source: "source",
  costSource: "costSource",
};

export function setFilters(params: URLSearchParams, filters: Filters): void {
  for (const grouping of groupings) {
    for (const id of filters[grouping] ?? []) params.append(filterNames[grouping], id);
  }
}

export function setCompared(params: URLSearchParams, { from, to }: Span): void {
  params.set("compareFrom", from);
  params.set("compareTo", to);
}

export const asCsv = { format: "csv" };
