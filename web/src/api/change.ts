import type { Grouping } from "../state/filters";
import { request, type Asking } from "./request";
import type { components } from "./schema";
import { usagePath, type UsageQuestion } from "./usageQuestion";

export type Change = components["schemas"]["Change"];
export type ChangePart = components["schemas"]["ChangePart"];

/** Why the window cost more or less than the one that it is compared with. */
export function fetchChange(question: UsageQuestion, groupBy: readonly Grouping[], asking: Asking): Promise<Change> {
  return request<Change>(usagePath("change", question, { groupBy: groupBy.join(",") || "none" }), asking);
}
