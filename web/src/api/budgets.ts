import { queryOptions } from "@tanstack/react-query";
import { request } from "./request";
import type { components } from "./schema";

export type Budget = components["schemas"]["Budget"];
export type NewBudget = components["schemas"]["NewBudget"];

/** Where the budgets of an organization stand; of those that were deleted nothing. */
async function fetchBudgets(asked: Record<string, string>, signal?: AbortSignal): Promise<Budget[]> {
  const path = `/v1/budgets?${new URLSearchParams(asked)}`;
  const { budgets } = await request<{ budgets: Budget[] }>(path, { signal });
  return budgets.filter((budget) => budget.status === "active");
}

export function budgetsQuery(organizationId: string) {
  return queryOptions({
    queryKey: ["budgets", organizationId],
    queryFn: ({ signal }) => fetchBudgets({ organizationId }, signal),
    refetchInterval: 60_000,
  });
}

/** The same, with what is expected of each. */
export function foreseenBudgetsQuery(organizationId: string) {
  return queryOptions({
    queryKey: ["budgets", organizationId, "foreseen"],
    queryFn: ({ signal }) => fetchBudgets({ organizationId, forecast: "true" }, signal),
    refetchInterval: 60_000,
  });
}

/** Makes a budget, or changes what is given of one. */
export function putBudget(budget: NewBudget): Promise<unknown> {
  return request("/v1/budgets", { method: "PUT", body: { budgets: [budget] } });
}
