import { request } from "./request";
import type { Me } from "./types";

export function signIn(token: string): Promise<Me> {
  return request<Me>("/v1/session", { method: "POST", body: { token } });
}

export function signOut(): Promise<void> {
  return request<void>("/v1/session", { method: "DELETE" });
}

/** Null when nobody is signed in. */
export function whoAmI(signal?: AbortSignal): Promise<Me | null> {
  return request<Me | null>("/v1/session", { signal });
}
