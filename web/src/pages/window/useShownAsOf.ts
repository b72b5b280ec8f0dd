import type { Answered } from "../../api/blocks";
import { completeUpTo } from "../../api/completeUpTo";
import { useCalendar } from "./WithCalendar";

/** Up to when what is shown is complete. Null while the answer is on its way, undefined where none will come. */
export function useShownAsOf(
  query: { error: unknown; dataUpdatedAt: number },
  answer: Answered | null | undefined,
): string | null | undefined {
  const calendar = useCalendar();
  // Read so that the page is told when the server confirms an answer: the answer itself stays the same object.
  void query.dataUpdatedAt;
  if (answer) return completeUpTo(answer, calendar);
  return query.error ? undefined : null;
}
