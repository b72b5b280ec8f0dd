import type { Disclosure, Month, StatementGrouping } from "../state/closingView";
import { request, type Asking } from "./request";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Closing = Schemas["Closing"];
export type Statement = Schemas["Statement"];
export type StatementLine = Schemas["StatementLine"];
export type StatementSums = Schemas["StatementSums"];

export interface StatementQuestion {
  organizationId: string;
  month: Month;
  groupBy: StatementGrouping;
  disclosure: Disclosure;
}

export function statementPath(question: StatementQuestion, format: "json" | "csv" | "html"): string {
  return `/analytics/statement?${new URLSearchParams({ ...question, format })}`;
}

export function fetchStatement(question: StatementQuestion, asking: Asking): Promise<Statement> {
  return request<Statement>(statementPath(question, "json"), asking);
}

export async function fetchClosings(organizationId: string, signal?: AbortSignal): Promise<Closing[]> {
  const path = `/v1/closings?${new URLSearchParams({ organizationId })}`;
  return (await request<Schemas["ClosingList"]>(path, { signal })).closings;
}

export function closeMonth(closing: Schemas["NewClosing"]): Promise<Closing> {
  return request<Closing>("/v1/closings", { method: "POST", body: closing });
}

export function reopenMonth(closingId: string): Promise<void> {
  return request(`/v1/closings/${encodeURIComponent(closingId)}`, { method: "DELETE" });
}
