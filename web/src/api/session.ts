import { ApiError, request } from "./request";
import type { Me } from "./types";

export function signIn(token: string): Promise<Me> {
  return request<Me>("/v1/session", { method: "POST", body: { token } });
}

export function signOut(): Promise<void> {
  return request<void>("/v1/session", { method: "DELETE" });
}

/** Null when nobody is signed in, which is an answer and no failure. */
export async function whoAmI(signal?: AbortSignal): Promise<Me | null> {
  try {
    return await request<Me>("/v1/me", { signal });
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}
