import type { Filters, Grouping } from "../state/filters";
import type { Metric } from "../state/view";
import type { Granularity } from "../time/buckets";
import type { Day } from "../time/day";
import type { Span } from "../time/presets";
import { request, type Asking } from "./request";
import type { Activity } from "./types";
import { setCompared, setFilters } from "./usageQuestion";

export interface ActivityQuestion {
  organizationId: string;
  from: Day;
  to: Day;
  timezone: string;
  /** One pivot or two; none asks for the totals alone. */
  groupBy: readonly Grouping[];
  filters: Filters;
  rankBy: Metric;
  granularity: Granularity;
  /** Null asks for every entry. */
  top: number | null;
  /** The earlier window that figures are set against. */
  compare: Span | null;
  /** Each part counts the requests that failed. */
  errors?: boolean;
}

export const rankings: Record<Metric, string> = {
  cost: "cost",
  requests: "requestCount",
  tokens: "totalTokens",
};

export function activityPath(question: ActivityQuestion, format?: "csv"): string {
  const params = new URLSearchParams({
    organizationId: question.organizationId,
    from: question.from,
    to: question.to,
    timezone: question.timezone,
    groupBy: question.groupBy.join(",") || "none",
  });
  setFilters(params, question.filters);
  if (question.granularity !== "day") params.set("granularity", question.granularity);
  if (question.top !== null) params.set("top", String(question.top));
  params.set("rankBy", rankings[question.rankBy]);
  if (question.compare) setCompared(params, question.compare);
  if (question.errors) params.set("errors", "true");
  if (format) params.set("format", format);
  return `/analytics/activity?${params}`;
}

export function fetchActivity(question: ActivityQuestion, asking: Asking): Promise<Activity> {
  return request<Activity>(activityPath(question), asking);
}
