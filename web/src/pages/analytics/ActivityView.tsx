import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";
import { activityPath, type ActivityQuestion } from "../../api/activity";
import { activityQuery } from "../../api/queries";
import type { Activity } from "../../api/types";
import { timeline } from "../../charts/timeline";
import { groupings, metrics, type View } from "../../state/view";
import { text } from "../../text";
import type { Day } from "../../time/day";
import { Segmented } from "../../ui/Segmented";
import { granularitiesFor } from "../../time/buckets";
import { ChartCard } from "../parts/ChartCard";
import { slotsFor } from "../parts/colours";
import { entryPath } from "../routes";
import { RankingCard } from "./RankingCard";
import { SummaryCards } from "./SummaryCards";
import { chartQuestion, downloadQuestion } from "./question";

const Empty = lazy(() => import("./Empty"));
const FilterChips = lazy(() => import("./FilterChips"));

interface Props {
  view: View;
  question: ActivityQuestion;
  today: Day;
  /** Null until the first answer is there. */
  activity: Activity | null;
  /** The answer is to the question before; the one to this question is on its way. */
  former: boolean;
  onChange: (change: Partial<View>) => void;
}

export function ActivityView({ view, question, today, activity, former, onChange }: Props) {
  const client = useQueryClient();
  const lookAhead = (change: Partial<View>) =>
    void client.prefetchQuery(activityQuery(chartQuestion(question.organizationId, { ...view, ...change }, today)));

  // While a former answer stands in, its own grain counts, not the one just asked for.
  const granularity = (activity?.granularity ?? question.granularity) as ActivityQuestion["granularity"];
  const drawn = useMemo(
    () => (activity ? timeline(activity, view.metric, granularity) : null),
    [activity, view.metric, granularity],
  );
  const slots = useMemo(
    () =>
      slotsFor(
        `${question.organizationId} ${activity?.groupBy ?? ""}`,
        drawn?.series.filter((series) => !series.other).map((series) => series.id) ?? [],
      ),
    [question.organizationId, activity?.groupBy, drawn],
  );

  const empty = activity !== null && activity.totals.requestCount === 0;
  const metricChoices = metrics.map((metric) => ({ value: metric, label: text.metrics[metric] }));
  const metricTabs = (testIdPrefix: string) => (
    <Segmented
      label={text.analytics.measure}
      choices={metricChoices}
      value={view.metric}
      onChange={(metric) => onChange({ metric })}
      onIntent={(metric) => lookAhead({ metric })}
      testIdPrefix={testIdPrefix}
    />
  );

  return (
    <div
      className="activity"
      data-former={former}
      aria-busy={activity === null || former}
      data-testid="activity"
      data-answer={activity && `${activity.groupBy} ${activity.from} ${activity.to} ${activity.timezone}`}
    >
      <span className="visually-hidden" role="status">
        {activity === null ? text.analytics.loading : former ? text.analytics.updating : ""}
      </span>
      {Object.values(view.filters).some((ids) => ids.length > 0) && (
        <Suspense fallback={<div className="chips" />}>
          <FilterChips view={view} question={question} onChange={onChange} />
        </Suspense>
      )}
      <SummaryCards activity={activity} />
      {empty && !former ? (
        <Suspense fallback={null}>
          <Empty organizationId={question.organizationId} span={question} onChange={onChange} />
        </Suspense>
      ) : (
        <>
          <div className="group-by">
            <span className="muted" aria-hidden="true">
              {text.analytics.groupBy}
            </span>
            <Segmented
              label={text.analytics.groupBy}
              choices={groupings.map((grouping) => ({ value: grouping, label: text.groupings[grouping] }))}
              value={view.groupBy}
              onChange={(groupBy) => onChange({ groupBy })}
              onIntent={(groupBy) => lookAhead({ groupBy, hidden: [] })}
              testIdPrefix="groupby"
            />
          </div>
          <ChartCard
            state={view}
            span={question}
            timeline={drawn}
            grouping={text.groupings[view.groupBy]}
            slots={slots}
            tabs={metricTabs("metric")}
            tools={<Granularities question={question} onChange={onChange} />}
            csv={activityPath(downloadQuestion(question), "csv")}
            onChange={onChange}
            pathOf={(series) => entryPath(question.organizationId, view.groupBy, series, view)}
          />
          <RankingCard
            view={view}
            question={question}
            activity={activity}
            slots={slots}
            tabs={metricTabs("ranking-metric")}
            onChange={onChange}
          />
        </>
      )}
    </div>
  );
}

function Granularities({ question, onChange }: Pick<Props, "question" | "onChange">) {
  const granularities = granularitiesFor(question);
  if (granularities.length < 2) return null;
  return (
    <Segmented
      label={text.granularityLabel}
      choices={granularities.map((one) => ({ value: one, label: text.granularities[one] }))}
      value={question.granularity}
      onChange={(per) => onChange({ per })}
      testIdPrefix="granularity"
    />
  );
}
