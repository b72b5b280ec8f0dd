import type { Spelled } from "./blocks";
import { request, type Asking } from "./request";
import type { components } from "./schema";
import { asCsv, usagePath, type UsageQuestion } from "./usageQuestion";

type Schemas = components["schemas"];

export type KeyFacts = Spelled<Schemas["KeyDescription"]>;
export type KeyRow = Spelled<Schemas["KeyEntry"]>;
export type Keys = Omit<Schemas["Keys"], "keys" | "previous"> & {
  keys: KeyRow[];
  previous?: Omit<Schemas["PreviousKeys"], "keys"> & { keys: KeyRow[] };
};
export type KeyAnswer = Omit<Schemas["KeyAnswer"], "apiKey"> & { apiKey: KeyFacts };

export const keysCsvPath = (question: UsageQuestion) => usagePath("keys", question, asCsv);

export function fetchKeys(question: UsageQuestion, asking: Asking): Promise<Keys> {
  return request<Keys>(usagePath("keys", question), asking);
}

const keyPart = (apiKeyId: string) => `keys/${encodeURIComponent(apiKeyId)}`;

export const keyCsvPath = (apiKeyId: string, question: UsageQuestion) => usagePath(keyPart(apiKeyId), question, asCsv);

export function fetchKey(apiKeyId: string, question: UsageQuestion, asking: Asking): Promise<KeyAnswer> {
  return request<KeyAnswer>(usagePath(keyPart(apiKeyId), question), asking);
}
