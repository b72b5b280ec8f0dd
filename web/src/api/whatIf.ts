import { request, type Asking } from "./request";
import type { components } from "./schema";
import { usagePath, type UsageQuestion } from "./usageQuestion";

export type WhatIf = components["schemas"]["WhatIf"];

/** What the window's usage would have cost with another model. */
export function fetchWhatIf(question: UsageQuestion, onModel: string, asking: Asking): Promise<WhatIf> {
  return request<WhatIf>(usagePath("what-if", question, { onModel }), asking);
}
