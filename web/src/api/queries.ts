import { notifyManager, QueryClient, queryOptions, type QueryFunctionContext } from "@tanstack/react-query";
import { fetchActivity, type ActivityQuestion } from "./activity";
import { fetchCacheSaving } from "./cacheSaving";
import { fetchCalendar, fetchZones } from "./calendar";
import { fetchClosings, fetchStatement, type StatementQuestion } from "./closings";
import { ApiError, type Asking } from "./request";
import { fetchKey, fetchKeys } from "./keys";
import { fetchReconciliation, type ReconciliationQuestion } from "./reconciliation";
import { fetchMember, fetchMembers, fetchMine } from "./people";
import { whoAmI } from "./session";
import { fetchProjects, fetchReference } from "./surroundings";
import { fetchViews } from "./views";
import type { Activity } from "./types";
import type { Grouping } from "../state/filters";
import { askAgainInMs } from "../time/clock";
import type { UsageQuestion } from "./usageQuestion";

/** Only what may pass by itself is asked again: no answer at all, a full queue, a restart. */
function worthRetrying(failures: number, error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return failures < 2 && [0, 429, 502, 503, 504].includes(error.status);
}

const RECOVERY_MS = 3000;

export function makeQueryClient(): QueryClient {
  // An answer is drawn when it is there; after a timer the browser would first paint once more what it has already.
  notifyManager.setScheduler(queueMicrotask);
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: worthRetrying,
        staleTime: 15_000,
        // What failed for want of a server is there again with it, without anybody pressing a button.
        refetchInterval: ({ state }) => (worthRetrying(0, state.error) ? RECOVERY_MS : false),
        // Copying answers to share their structure would lose the exact texts that belong to the objects.
        structuralSharing: false,
      },
    },
  });
}

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => whoAmI(signal),
  staleTime: 5 * 60_000,
});

/** What the server says of days in a zone, asked again as they pass. */
export function calendarQuery(zone: string) {
  return queryOptions({
    queryKey: ["calendar", zone],
    queryFn: ({ signal }) => fetchCalendar(zone, signal),
    refetchInterval: ({ state }) => (state.data ? askAgainInMs(state.data) : RECOVERY_MS),
  });
}

export const zonesQuery = queryOptions({
  queryKey: ["zones"],
  queryFn: ({ signal }) => fetchZones(signal),
  staleTime: 5 * 60_000,
});

/** Whatever the last person saw must not be there for the next one. */
export function forgetAnswers(client: QueryClient): void {
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== meQuery.queryKey[0] });
}

/**
 * `subject` is what the answer is about. While another window of the same subject is on its way the former
 * answer stays, dimmed; one subject's figures never stand in for another's.
 */
function usageQuery<Answer>(
  kind: string,
  subject: string,
  question: object,
  ask: (asking: Asking & Pick<QueryFunctionContext, "client">) => Promise<Answer>,
) {
  return {
    queryKey: [kind, subject, question] as const,
    queryFn: ({ signal, client, queryKey }: QueryFunctionContext) =>
      ask({ signal, client, former: client.getQueryData(queryKey) }),
    placeholderData: (previous: Answer | undefined, query: { queryKey: readonly unknown[] } | undefined) =>
      query?.queryKey[1] === subject ? previous : undefined,
  };
}

export function activityQuery(question: ActivityQuestion) {
  return usageQuery("activity", question.organizationId, question, (asking) => fetchActivity(question, asking));
}

function earlierQuery(question: ActivityQuestion) {
  const { queryKey, queryFn } = activityQuery(question);
  // What has asked for it asks again.
  return { queryKey, queryFn, retry: false };
}

export interface Charted {
  activity: Activity;
  before: Activity | null;
  /** What `activity` is the answer to. */
  question: ActivityQuestion;
}

/**
 * What the chart shows: its answer and, where wanted, the one about the window before. Both come or neither, so
 * that nothing moves once something is drawn.
 */
export function chartQuery(question: ActivityQuestion, before: ActivityQuestion | null) {
  return usageQuery("chart", question.organizationId, { question, before }, async (asking): Promise<Charted> => {
    const { signal, client } = asking;
    const former = asking.former as Charted | undefined;
    const [activity, earlier] = await Promise.all([
      fetchActivity(question, { signal, former: former?.activity }),
      // By all pivots and measures the window before is the same.
      before && client.fetchQuery(earlierQuery(before)),
    ]);
    const unchanged = former && activity === former.activity && earlier === former.before;
    return unchanged ? former : { activity, before: earlier, question };
  });
}

export function membersQuery(question: UsageQuestion) {
  return usageQuery("members", question.organizationId, question, (asking) => fetchMembers(question, asking));
}

export function memberQuery(userId: string, question: UsageQuestion) {
  const subject = JSON.stringify([question.organizationId, userId]);
  return usageQuery("member", subject, question, (asking) => fetchMember(userId, question, asking));
}

export function keysQuery(question: UsageQuestion) {
  return usageQuery("keys", question.organizationId, question, (asking) => fetchKeys(question, asking));
}

export function keyQuery(apiKeyId: string, question: UsageQuestion) {
  const subject = JSON.stringify([question.organizationId, apiKeyId]);
  return usageQuery("key", subject, question, (asking) => fetchKey(apiKeyId, question, asking));
}

export function mineQuery(projectId: string | null, question: UsageQuestion) {
  const subject = JSON.stringify([question.organizationId, projectId]);
  return usageQuery("mine", subject, question, (asking) => fetchMine(projectId, question, asking));
}

/** Of the window that is asked about and no other: a saving of other days beside figures of these would be wrong. */
export function cacheSavingQuery(question: UsageQuestion, groupBy: Grouping) {
  return queryOptions({
    queryKey: ["cache-saving", question, groupBy],
    queryFn: ({ signal }) => fetchCacheSaving(question, groupBy, { signal }),
  });
}

export function reconciliationQuery(question: ReconciliationQuestion, by: "day" | "model") {
  const subject = JSON.stringify([question.organizationId, question.provider]);
  return usageQuery("reconciliation", subject, { question, by }, (asking) => fetchReconciliation(question, by, asking));
}

/** Which months are closed. */
export function closingsQuery(organizationId: string) {
  return queryOptions({
    queryKey: ["closings", organizationId],
    queryFn: ({ signal }) => fetchClosings(organizationId, signal),
  });
}

export function statementQuery(question: StatementQuestion) {
  const subject = JSON.stringify([question.organizationId, question.month]);
  return usageQuery("statement", subject, question, (asking) => fetchStatement(question, asking));
}

export function projectsQuery(organizationId: string) {
  return queryOptions({
    queryKey: ["projects", organizationId],
    queryFn: ({ signal }) => fetchProjects(organizationId, signal),
    staleTime: 60_000,
  });
}

export function viewsQuery(organizationId: string) {
  return queryOptions({
    queryKey: ["views", organizationId],
    queryFn: ({ signal }) => fetchViews(organizationId, signal),
  });
}

export const referenceQuery = queryOptions({
  queryKey: ["reference"],
  queryFn: ({ signal }) => fetchReference(signal),
  staleTime: Infinity,
});
