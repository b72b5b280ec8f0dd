import type { Filters, Grouping } from "../state/filters";
import type { Metric } from "../state/view";
import type { Granularity } from "../time/buckets";
import type { Day } from "../time/day";
import { rankings } from "./activity";
import { request, type Asking } from "./request";
import type { components } from "./schema";
import { setFilters } from "./usageQuestion";

export type Explanation = components["schemas"]["Explanation"];
export type ExplainedPart = components["schemas"]["ExplainedPart"];
export type ExplainedAttribution = components["schemas"]["ExplainedAttribution"];

/** The answer that a figure is of. */
export interface ExplainedQuestion {
  organizationId: string;
  from: Day;
  to: Day;
  timezone: string;
  groupBy: readonly Grouping[];
  filters?: Filters;
  granularity?: Granularity;
  top?: number | null;
  rankBy?: Metric;
}

/** Which figure of it. */
export interface ExplainedCell {
  date?: string;
  keys?: readonly (string | null)[];
  rest?: boolean;
}

export function fetchExplanation(question: ExplainedQuestion, cell: ExplainedCell, asking: Asking): Promise<Explanation> {
  const { organizationId, from, to, timezone, groupBy, filters = {}, granularity = "day", top, rankBy } = question;
  const params = new URLSearchParams({ organizationId, from, to, timezone, groupBy: groupBy.join(",") || "none" });
  setFilters(params, filters);
  if (granularity !== "day") params.set("granularity", granularity);
  if (cell.rest && top) {
    params.set("top", String(top));
    if (rankBy) params.set("rankBy", rankings[rankBy]);
  }
  if (cell.date !== undefined) params.set("date", cell.date);
  if (groupBy.length > 0) for (const key of cell.keys ?? []) params.append("key", key ?? "");
  return request<Explanation>(`/analytics/explain?${params}`, asking);
}
