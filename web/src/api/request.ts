import { noteAnswer, noteSilence } from "./connection";
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

/** Whether the server could not make sense of what was asked. */
export function isBadRequest(error: unknown): boolean {
  return error instanceof ApiError && error.status === 400;
}

/** How a question is asked. */
export interface Asking {
  signal?: AbortSignal;
  /** The answer from last time: where nothing has changed since, it is the answer again, the same object. */
  former?: unknown;
}

interface Options extends Asking {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  /** A file goes as it is, everything else as JSON. */
  body?: unknown;
}

interface Receipt {
  path: string;
  etag: string;
  /** When the server last said so; the HTTP date of its answer. */
  date: string | null;
}

/** Kept beside the answers, so that their types stay those of the schema. */
const receipts = new WeakMap<object, Receipt>();

/** When the server last said that this answer is how things are. */
export function confirmedAt(answer: object): Date | null {
  const date = receipts.get(answer)?.date;
  return date ? new Date(date) : null;
}

/** An answer as it stands on the wire: a CSV, or metrics. */
export async function requestText(path: string, options: Asking = {}): Promise<string> {
  const response = await send(path, { signal: options.signal });
  const text = await response.text();
  if (!response.ok) throw new ApiError(response.status, parseProblem(text));
  return text;
}

declare global {
  /** By its path what was asked before this code was here; see `first.js`. Null is what was not worth asking. */
  var askedFirst: Partial<Record<string, Promise<Response | null>>> | undefined;
}

/** What has been asked already, once. */
function takeFirst(path: string): Promise<Response | null> | undefined {
  const answer = globalThis.askedFirst?.[path];
  delete globalThis.askedFirst?.[path];
  return answer?.catch(() => null);
}

async function send(path: string, options: RequestInit): Promise<Response> {
  try {
    const first = options.method === "GET" ? takeFirst(path) : undefined;
    // Everything else leaves at once, before the page draws that it has been asked.
    const response = (first && (await first)) ?? (await fetch(path, { ...options, credentials: "same-origin" }));
    noteAnswer(response);
    return response;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    noteSilence();
    throw new ApiError(0, null);
  }
}

export async function request<T>(path: string, options: Options = {}): Promise<T> {
  const method = options.method ?? "GET";
  const headers: Record<string, string> = { Accept: "application/json" };
  // A form on another site cannot set a header, so the server takes it as proof that this page asked.
  if (method !== "GET") headers["X-Rollcall-Request"] = "1";
  const file = options.body instanceof Blob ? options.body : null;
  // Systems call a CSV by many names.
  if (options.body !== undefined) headers["Content-Type"] = file ? "text/csv" : "application/json";
  const former = options.former as (T & object) | undefined;
  const receipt = former && receipts.get(former);
  if (receipt?.path === path) headers["If-None-Match"] = receipt.etag;

  const body = file ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  const response = await send(path, { method, headers, body, signal: options.signal });
  const date = response.headers.get("Date");
  if (response.status === 304 && former && receipt) {
    receipts.set(former, { ...receipt, date });
    return former;
  }
  const text = await response.text();
  if (!response.ok) throw new ApiError(response.status, parseProblem(text));
  const answer = text === "" ? undefined : parseExact(text);
  const etag = response.headers.get("ETag");
  if (etag !== null && typeof answer === "object" && answer !== null) receipts.set(answer, { path, etag, date });
  return answer as T;
}

function parseProblem(text: string): Problem | null {
  try {
    const value = JSON.parse(text) as Partial<Problem> | null;
    return value && typeof value.status === "number" ? (value as Problem) : null;
  } catch {
    return null;
  }
}
