import { queryOptions } from "@tanstack/react-query";
import { fetchActivity, type ActivityQuestion } from "../../api/activity";
import type { Activity } from "../../api/types";
import { addDays, startOfMonth, startOfYear, type Day } from "../../time/day";
import { DEFAULT_RANGE, resolveRange, type Range } from "../../time/range";

/** Below the server's limit of ten years for months. */
const YEARS = 9;
const POLL_MS = 3000;

/** Whether an organization has ever used anything; asks again and again until it has. */
export function everUsedQuery({ organizationId, timezone }: Pick<ActivityQuestion, "organizationId" | "timezone">, today: Day) {
  const question: ActivityQuestion = {
    organizationId,
    timezone,
    from: startOfYear(today, -YEARS),
    // An event may be a day ahead of the server's clock.
    to: addDays(today, 1),
    groupBy: [],
    filters: {},
    rankBy: "cost",
    granularity: "month",
    top: null,
    compare: null,
  };
  return queryOptions({
    // Whether there is any does not depend on the zone or the day: another one leaves the page as it is.
    queryKey: ["ever used", organizationId],
    queryFn: ({ signal }) => fetchActivity(question, { signal }),
    refetchInterval: ({ state }) => (state.data && state.data.totals.requestCount > 0 ? false : POLL_MS),
  });
}

/** A range that shows what came first: the last 30 days, or the month of usage that is older. */
export function rangeWithUsage(activity: Pick<Activity, "activity">, today: Day): Range {
  const last = activity.activity.findLast((bucket) => bucket.requestCount > 0)?.date;
  if (last === undefined) return DEFAULT_RANGE;
  const monthsEnd = addDays(startOfMonth(last, 1), -1);
  if (monthsEnd >= resolveRange(DEFAULT_RANGE, today).from) return DEFAULT_RANGE;
  return { kind: "custom", from: startOfMonth(last), to: monthsEnd };
}
