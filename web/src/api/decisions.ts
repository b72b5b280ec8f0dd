import { infiniteQueryOptions } from "@tanstack/react-query";
import { request } from "./request";
import type { components } from "./schema";

export type LoggedDecision = components["schemas"]["LoggedDecision"];
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
