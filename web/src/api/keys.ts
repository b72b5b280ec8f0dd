import type { Spelled } from "./blocks";
import { request } from "./request";
import type { components } from "./schema";
import { asCsv, usagePath, type UsageQuestion } from "./usageQuestion";

type Schemas = components["schemas"];

export type KeyFacts = Spelled<Schemas["KeyDescription"]>;
export type KeyRow = Spelled<Schemas["KeyEntry"]>;
export type Keys = Omit<Schemas["Keys"], "keys"> & { keys: KeyRow[] };
export type KeyAnswer = Omit<Schemas["KeyAnswer"], "apiKey"> & { apiKey: KeyFacts };

export const keysCsvPath = (question: UsageQuestion) => usagePath("keys", question, asCsv);

export function fetchKeys(question: UsageQuestion, signal?: AbortSignal): Promise<Keys> {
  return request<Keys>(usagePath("keys", question), { signal });
}

const keyPart = (apiKeyId: string) => `keys/${encodeURIComponent(apiKeyId)}`;

export const keyCsvPath = (apiKeyId: string, question: UsageQuestion) => usagePath(keyPart(apiKeyId), question, asCsv);

export function fetchKey(apiKeyId: string, question: UsageQuestion, signal?: AbortSignal): Promise<KeyAnswer> {
  return request<KeyAnswer>(usagePath(keyPart(apiKeyId), question), { signal });
}
