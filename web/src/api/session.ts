import { request } from "./request";
import type { Me } from "./types";

export function signIn(token: string): Promise<Me> {
  return request<Me>("/v1/session", { method: "POST", body: { token } });
}

/** Where to sign out as well, if they came by a provider that has such a thing. */
export async function signOut(): Promise<string | null> {
  const answer = await request<{ leadsTo: string } | undefined>("/v1/session", { method: "DELETE" });
  return answer?.leadsTo ?? null;
}

/** Null when nobody is signed in. */
export function whoAmI(signal?: AbortSignal): Promise<Me | null> {
  return request<Me | null>("/v1/session", { signal });
}
