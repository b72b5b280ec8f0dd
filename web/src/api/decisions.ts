import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { request } from "./request";
import type { components } from "./schema";

export type LoggedDecision = components["schemas"]["LoggedDecision"];
export type DecisionCount = components["schemas"]["DecisionCount"];
type DecisionCounts = components["schemas"]["DecisionCounts"];
type DecisionLog = components["schemas"]["DecisionLog"];

/** The calls that were refused in the last days, the latest first, with moments in a zone. */
export function decisionLogQuery(organizationId: string, timezone: string) {
  return infiniteQueryOptions({
    queryKey: ["decision-log", organizationId, timezone],
    queryFn: ({ pageParam, signal }) => {
      const asked = new URLSearchParams({ organizationId, timezone, ...(pageParam !== "" && { before: pageParam }) });
      return request<DecisionLog>(`/v1/decisions/log?${asked}`, { signal });
    },
    initialPageParam: "",
    getNextPageParam: (last) => last.next ?? undefined,
    refetchInterval: 60_000,
  });
}

/** What was refused, observed and found in the last seven days, by rule, project and person. */
export function decisionCountsQuery(organizationId: string, timezone: string) {
  const asked = new URLSearchParams({ organizationId, timezone });
  return queryOptions({
    queryKey: ["decision-counts", organizationId, timezone],
    queryFn: ({ signal }) => request<DecisionCounts>(`/v1/decisions/counts?${asked}`, { signal }),
    refetchInterval: 60_000,
  });
}
