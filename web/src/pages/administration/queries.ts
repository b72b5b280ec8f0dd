import { useMutation, useQueryClient, type UseMutationResult } from "@tanstack/react-query";
import { queryOptions } from "@tanstack/react-query";
import { fetchBackups, fetchDirectory, fetchHealth, fetchMetrics, fetchReadiness, fetchTokens, reprice } from "../../api/administration";
import type { Span } from "../../time/presets";

export function directoryQuery(organizationId: string | null) {
  return queryOptions({
    queryKey: ["directory", organizationId],
    queryFn: ({ signal }) => fetchDirectory(organizationId, signal),
  });
}

/** All tokens, or those that are for one organization alone. */
export function tokensQuery(organizationId: string | null) {
  return queryOptions({
    queryKey: ["tokens", organizationId],
    queryFn: ({ signal }) => fetchTokens(organizationId, signal),
  });
}

export const backupsQuery = queryOptions({
  queryKey: ["backups"],
  queryFn: ({ signal }) => fetchBackups(signal),
  refetchInterval: 60_000,
});

export const healthQuery = queryOptions({
  queryKey: ["health"],
  queryFn: ({ signal }) => fetchHealth(signal),
  refetchInterval: 60_000,
});

/** What repricing these UTC days would do. It reads all usage of them, so it is not asked again by itself. */
export function repricingQuery(days: Span) {
  return queryOptions({
    queryKey: ["repricing", days],
    queryFn: ({ signal }) => reprice(days, true, signal),
    staleTime: Infinity,
  });
}

export const readinessQuery = queryOptions({
  queryKey: ["readiness"],
  queryFn: ({ signal }) => fetchReadiness(signal),
  // Not being ready is what is asked about; asking again would only make the answer late.
  retry: false,
  refetchInterval: 10_000,
});

export const metricsQuery = queryOptions({
  queryKey: ["metrics"],
  queryFn: ({ signal }) => fetchMetrics(signal),
  refetchInterval: 10_000,
});

/** A change by the operator. Names and roles stand in every answer, so all of them are asked for anew. */
export function useChange<Input, Output>(
  change: (input: Input) => Promise<Output>,
): UseMutationResult<Output, unknown, Input> {
  const client = useQueryClient();
  return useMutation({ mutationFn: change, onSuccess: () => client.invalidateQueries() });
}
