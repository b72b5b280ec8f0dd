import { keepPreviousData, QueryClient, queryOptions } from "@tanstack/react-query";
import { fetchActivity, type ActivityQuestion } from "./activity";
import { ApiError } from "./request";
import { whoAmI } from "./session";

/** Only what may pass by itself is asked again: no answer at all, a full queue, a restart. */
function worthRetrying(failures: number, error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return failures < 2 && [0, 429, 502, 503, 504].includes(error.status);
}

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: worthRetrying,
        staleTime: 15_000,
        // Copying answers to share their structure would lose the exact texts that belong to the objects.
        structuralSharing: false,
      },
    },
  });
}

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => whoAmI(signal),
  staleTime: 5 * 60_000,
});

export function activityQuery(question: ActivityQuestion) {
  return queryOptions({
    queryKey: ["activity", question],
    queryFn: ({ signal }) => fetchActivity(question, signal),
    // Another organization's figures must never stand in for this one's, not even dimmed.
    placeholderData: (previous, query) =>
      query && sameOrganization(query.queryKey, question) ? keepPreviousData(previous) : undefined,
  });
}

function sameOrganization(key: readonly unknown[], question: ActivityQuestion): boolean {
  return (key[1] as ActivityQuestion | undefined)?.organizationId === question.organizationId;
}
