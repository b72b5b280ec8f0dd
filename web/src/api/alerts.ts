import { queryOptions } from "@tanstack/react-query";
import type { Day } from "../time/day";
import { request } from "./request";
import type { components } from "./schema";

export type Alert = components["schemas"]["Alert"];
export type NewAlert = components["schemas"]["NewAlert"];
export type NewRecipient = components["schemas"]["NewAlertRecipient"];
export type Fired = components["schemas"]["RehearsedAlert"];

/** What somebody wants to hear of; of alerts that were deleted nothing. */
async function fetchAlerts(organizationId: string, signal?: AbortSignal): Promise<Alert[]> {
  const path = `/v1/alerts?${new URLSearchParams({ organizationId })}`;
  const { alerts } = await request<{ alerts: Alert[] }>(path, { signal });
  return alerts.filter((alert) => alert.status === "active");
}

export function alertsQuery(organizationId: string) {
  return queryOptions({
    queryKey: ["alerts", organizationId],
    queryFn: ({ signal }) => fetchAlerts(organizationId, signal),
  });
}

/** Makes an alert, or changes what is given of one. */
export function putAlert(alert: NewAlert): Promise<unknown> {
  return request("/v1/alerts", { method: "PUT", body: { alerts: [alert] } });
}

/** When an alert would have fired in some days. */
export function rehearsalQuery(alert: Alert, from: Day, to: Day) {
  const { id, organizationId } = alert;
  return queryOptions({
    queryKey: ["rehearsal", alert, from, to],
    queryFn: async ({ signal }) => {
      const body = { alert: { id, organizationId }, from, to };
      const { fired } = await request<{ fired: Fired[] }>("/v1/alerts/rehearse", { method: "POST", body, signal });
      return fired;
    },
  });
}
