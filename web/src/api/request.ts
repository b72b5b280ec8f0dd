import { parseExact } from "./exact";
import type { Problem } from "./types";

export class ApiError extends Error {
  constructor(
    /** 0 when no answer came at all. */
    readonly status: number,
    readonly problem: Problem | null,
  ) {
    super(problem?.detail ?? problem?.title ?? `HTTP ${status}`);
    this.name = "ApiError";
  }
}

interface Options {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  signal?: AbortSignal;
}

export async function request<T>(path: string, options: Options = {}): Promise<T> {
  const text = await requestText(path, options);
  return (text === "" ? undefined : parseExact(text)) as T;
}

export async function requestText(path: string, options: Options = {}): Promise<string> {
  const method = options.method ?? "GET";
  const headers: Record<string, string> = { Accept: "application/json" };
  // A form on another site cannot set a header, so the server takes it as proof that this page asked.
  if (method !== "GET") headers["X-Rollcall-Request"] = "1";
  if (options.body !== undefined) headers["Content-Type"] = "application/json";

  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
      credentials: "same-origin",
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, null);
  }

  const text = await response.text();
  if (!response.ok) throw new ApiError(response.status, parseProblem(text));
  return text;
}

function parseProblem(text: string): Problem | null {
  try {
    const value = JSON.parse(text) as Partial<Problem> | null;
    return value && typeof value.status === "number" ? (value as Problem) : null;
  } catch {
    return null;
  }
}
