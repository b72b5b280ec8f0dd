import type { Grouping } from "../state/filters";
import { request, type Asking } from "./request";
import type { components } from "./schema";
import { usagePath, type UsageQuestion } from "./usageQuestion";

export type CacheSaving = components["schemas"]["CacheSaving"];
export type Saved = components["schemas"]["CacheSavingTotals"];

/** What caches of providers saved, by one thing. */
export function fetchCacheSaving(question: UsageQuestion, groupBy: Grouping, asking: Asking): Promise<CacheSaving> {
  return request<CacheSaving>(usagePath("cache-saving", question, { groupBy }), asking);
}
