import type { Calendar } from "../time/clock";
import { request } from "./request";
import type { components } from "./schema";

export type KnownZone = components["schemas"]["Zone"];

export function fetchCalendar(zone: string, signal?: AbortSignal): Promise<Calendar> {
  return request<Calendar>(`/v1/calendar?${new URLSearchParams({ timezone: zone })}`, { signal });
}

/** Every zone that the server knows. */
export async function fetchZones(signal?: AbortSignal): Promise<KnownZone[]> {
  return (await request<components["schemas"]["Zones"]>("/v1/calendar/zones", { signal })).zones;
}
