import { useMemo } from "react";
import type { UsageQuestion } from "../../api/usageQuestion";
import type { TimeWindow } from "../../state/timeWindow";
import { spanBefore } from "../../time/before";
import { todayInUtc } from "../../time/clock";
import { resolveRange } from "../../time/range";
import { useCalendar } from "./WithCalendar";

/** The days of a page's window, and the question about them: in the zone of the address, or in UTC. */
export function useQuestion(organizationId: string, { range, comparedWith }: TimeWindow, inUtc = false) {
  const calendar = useCalendar();
  const zone = inUtc ? "UTC" : calendar.timezone;
  const today = inUtc ? todayInUtc(calendar) : calendar.today;
  const { from, to } = resolveRange(range, today);
  const question: UsageQuestion = useMemo(
    () => ({ organizationId, from, to, timezone: zone }),
    [organizationId, from, to, zone],
  );
  const compare = spanBefore({ from, to }, comparedWith, range, today);
  const compared: UsageQuestion = useMemo(
    () => ({ ...question, compare: { from: compare.from, to: compare.to } }),
    [question, compare.from, compare.to],
  );
  return { today, question, compared, refetchInterval: refreshing(question, today) };
}

/**
 * Days that are over do not change while somebody looks at them; today does. Asking again costs little: where nothing
 * has changed the answer is 304, and a page that nobody sees does not ask.
 */
export function refreshing(question: { to: string }, today: string): number | false {
  return question.to >= today ? 30_000 : false;
}
