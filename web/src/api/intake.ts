import type { Span } from "../time/presets";
import { request } from "./request";
import type { components } from "./schema";

export type IntakeLine = components["schemas"]["IntakeLine"];
type IntakeAnswer = components["schemas"]["IntakeAnswer"];

function intakePath(organizationId: string | null, also: Record<string, string> = {}): string {
  const params = new URLSearchParams(also);
  if (organizationId !== null) params.set("organizationId", organizationId);
  return `/v1/intake?${params}`;
}

/** What became of what was sent, newest first: everywhere, or an organization's. Without days, of the last seven. */
export function fetchIntake(
  organizationId: string | null,
  days: Span | null,
  signal?: AbortSignal,
): Promise<IntakeAnswer> {
  return request<IntakeAnswer>(intakePath(organizationId, { ...days }), { signal });
}

export const intakeCsvPath = (organizationId: string | null, days: Span | null) =>
  intakePath(organizationId, { ...days, format: "csv" });
