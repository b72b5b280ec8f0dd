import type { Day } from "../time/day";
import type { Spelled } from "./blocks";
import { request, type Asking } from "./request";
import type { components } from "./schema";
import { asCsv } from "./usageQuestion";

type Schemas = components["schemas"];

export const billers = ["openai", "anthropic"] as const;
export type Biller = (typeof billers)[number];

export type Comparison = Spelled<Schemas["Comparison"]>;
export type ReconciliationRow = Spelled<Schemas["ReconciliationRow"]>;
export type Reconciliation = Spelled<Omit<Schemas["ReconciliationAnswer"], "rows" | "totals">> & {
  rows: ReconciliationRow[];
  totals: Comparison;
};

/** Days are UTC days: providers bill by them. */
export interface ReconciliationQuestion {
  organizationId: string;
  provider: Biller;
  from: Day;
  to: Day;
}

function path(question: ReconciliationQuestion, also: Record<string, string>): string {
  const { organizationId, provider, from, to } = question;
  return `/analytics/reconciliation?${new URLSearchParams({ organizationId, provider, from, to, ...also })}`;
}

export function fetchReconciliation(
  question: ReconciliationQuestion,
  by: "day" | "model",
  asking: Asking,
): Promise<Reconciliation> {
  return request<Reconciliation>(path(question, { groupBy: by }), asking);
}

/** Every row there is, whatever the page adds up. */
export const reconciliationCsvPath = (question: ReconciliationQuestion) => path(question, asCsv);
