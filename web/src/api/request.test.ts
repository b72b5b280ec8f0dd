import { afterEach, expect, test, vi } from "vitest";
import type { Calendar } from "../time/clock";
import { completeUpTo } from "./completeUpTo";
import { request } from "./request";

const calendar = { offsets: [{ from: "2020-01-01T00:00:00Z", offset: "+02:00" }] } as Calendar;
const day = { timezone: "Europe/Paris", from: "2026-06-01", to: "2026-06-30" };
const BODY = `{"timezone":"Europe/Paris","from":"2026-06-01","to":"2026-06-30","asOf":"2026-06-30T10:00:00.250Z"}`;

/** Answers one after the other; the headers of each question are noted. */
function server(...answers: [status: number, body: string | null, date: string][]) {
  const asked: (string | undefined)[] = [];
  vi.stubGlobal("fetch", async (_: string, { headers }: { headers: Record<string, string> }) => {
    asked.push(headers["If-None-Match"]);
    const [status, body, date] = answers[asked.length - 1]!;
    return new Response(body, { status, headers: { ETag: 'W/"1"', Date: date } });
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

test("an answer that has not changed is the same object, complete up to now", async () => {
  const asked = server([200, BODY, "Tue, 30 Jun 2026 10:00:00 GMT"], [304, null, "Tue, 30 Jun 2026 10:00:30 GMT"]);
  const first = await request<typeof day & { asOf: string }>("/a");
  expect(completeUpTo(first, calendar)).toBe("2026-06-30T10:00:00.250Z");
  const second = await request("/a", { former: first });
  expect(second).toBe(first);
  expect(asked).toEqual([undefined, 'W/"1"']);
  expect(completeUpTo(first, calendar)).toBe("2026-06-30T10:00:30.000Z");
});

test("an answer to another question is not held against this one", async () => {
  const asked = server([200, BODY, "Tue, 30 Jun 2026 10:00:00 GMT"], [200, BODY, "Tue, 30 Jun 2026 10:00:30 GMT"]);
  const former = await request("/a");
  expect(await request("/b", { former })).not.toBe(former);
  expect(asked).toEqual([undefined, undefined]);
});

test("days that are over are complete up to their end, whenever that is confirmed", async () => {
  server([200, BODY, "Tue, 30 Jun 2026 10:00:00 GMT"], [304, null, "Tue, 30 Jun 2026 22:00:01 GMT"]);
  const answer = await request<typeof day & { asOf: string }>("/a");
  await request("/a", { former: answer });
  expect(completeUpTo(answer, calendar)).toBe("2026-06-30T10:00:00.250Z");
});
