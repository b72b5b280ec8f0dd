import type { Answered } from "../../api/blocks";
import { completeUpTo } from "../../api/completeUpTo";

/** Up to when what is shown is complete. Null while the answer is on its way, undefined where none will come. */
export function shownAsOf(
  query: { error: unknown; dataUpdatedAt: number },
  answer: Answered | null | undefined,
): string | null | undefined {
  // Read so that the page is told when the server confirms an answer: the answer itself stays the same object.
  void query.dataUpdatedAt;
  if (answer) return completeUpTo(answer);
  return query.error ? undefined : null;
}
