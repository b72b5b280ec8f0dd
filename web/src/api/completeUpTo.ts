import { dayAt, type Calendar } from "../time/clock";
import type { Answered } from "./blocks";
import { confirmedAt } from "./request";

/** Up to when an answer is complete: to when it was made, or to when the server last said that nothing has changed. */
export function completeUpTo(answer: Answered, calendar: Calendar): string {
  const confirmed = confirmedAt(answer);
  if (confirmed === null || dayAt(confirmed, calendar) > answer.to) return answer.asOf;
  // HTTP dates have no fractions of a second.
  return confirmed > new Date(answer.asOf) ? confirmed.toISOString() : answer.asOf;
}
