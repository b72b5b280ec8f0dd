import { Suspense, useMemo, useState } from "react";
import { activityPath, type ActivityQuestion } from "../../api/activity";
import type { Charted } from "../../api/queries";
import type { Activity } from "../../api/types";
import type { UsageQuestion } from "../../api/usageQuestion";
import { fileName } from "../../format/fileName";
import { timeline, type Series } from "../../charts/timeline";
import { hasFilters, isNarrowedTo, type Filters, type Grouping } from "../../state/filters";
import { looksOf } from "../../state/colours";
import { thingOf } from "../../state/series";
import { metrics, pivotsOf, type View } from "../../state/view";
import { text } from "../../text";
import { granularitiesFor, type Granularity } from "../../time/buckets";
import type { Day } from "../../time/day";
import type { Span } from "../../time/presets";
import { Boundary } from "../../ui/Boundary";
import { Segmented } from "../../ui/Segmented";
import { Explaining } from "../explain/Explaining";
import { ChartCard } from "../parts/ChartCard";
import { hasCached, useCacheSaving } from "../parts/useCacheSaving";
import { unpricedPath } from "../routes";
import { refreshing } from "../window/useQuestion";
import { GroupBy } from "./GroupBy";
import { downloadQuestion } from "./question";
import { RankingCard } from "./RankingCard";
import { answeredPivots, entrySteps } from "./steps";
import { SummaryCards } from "./SummaryCards";
import { lazily } from "../../ui/lazily";
import { useDimmed } from "../../ui/useDimmed";
import { useSettled } from "../../ui/useSettled";
import "./beneath.css";

const ChangeCard = lazily(() => import("./ChangeCard"));
const changeToCome = <div className="card panel change-card" />;
const WhatIfCard = lazily(() => import("./WhatIfCard"));
const Empty = lazily(() => import("./Empty"));
const PriceToAdd = lazily(() => import("./PriceToAdd"));
const FilterChips = lazily(() => import("./FilterChips"));

interface Props {
  view: View;
  question: ActivityQuestion;
  today: Day;
  /** The reader runs the server. */
  operates: boolean;
  /** Null until the first answer is there. */
  charted: Charted | null;
  /** The answer is to the question before; the one to this question is on its way. */
  former: boolean;
  onChange: (change: Partial<View>) => void;
  /** Somebody is about to choose this. */
  onIntent: (change: Partial<View>) => void;
}

export function ActivityView({ view, question, today, operates, charted, former, onChange, onIntent }: Props) {
  const { activity, before } = charted ?? { activity: null, before: null };
  const metric = charted?.question.rankBy ?? view.metric;
  // While a former answer stands in, its own measure, grain and pivots count, not those just asked for.
  const granularity = (activity?.granularity ?? question.granularity) as Granularity;
  const pivots = activity ? answeredPivots(activity.groupBy) : pivotsOf(view);
  const drawn = useMemo(
    () => (activity ? timeline(activity, metric, granularity, before, today) : null),
    [activity, before, metric, granularity, today],
  );
  const looks = useMemo(() => looksOf(activity?.ranking.map(thingOf) ?? []), [activity]);
  const models = useMemo(() => modelsOf(activity), [activity]);
  const steps = entrySteps(question.organizationId, pivots, view, (filters) => onChange({ filters }));
  const stepsOf = (series: Series, span?: Span) => {
    if (!span) return steps.of(series);
    const range = { kind: "custom" as const, ...span };
    const then = (filters: Filters) => onChange({ filters, range });
    return entrySteps(question.organizationId, pivots, { ...view, range }, then).of(series);
  };

  const { organizationId, from, to, timezone, filters } = question;
  const usage: UsageQuestion = { organizationId, from, to, timezone, filters };
  const [hasChart, setHasChart] = useState(false);
  const isShown = !former && (hasChart || view.chart === "table");
  const dimmed = useDimmed(former);
  const settled = useSettled(isShown ? activity : null);
  // Code of what stands beneath comes after the first chart.
  const [beneath, setBeneath] = useState(false);
  if (settled && !beneath) setBeneath(true);
  const cached = !former && hasCached(activity?.totals);
  const savings = useCacheSaving(usage, pivots[0] ?? "model", {
    enabled: cached && settled,
    refetchInterval: refreshing(question, today),
  });
  const empty = activity !== null && activity.totals.requestCount === 0;
  const onlyUnpriced = isNarrowedTo(view.filters, [["costSource", "unpriced"]]);
  const previous = activity?.previous;
  const metricChoices = metrics.map((metric) => ({ value: metric, label: text.metrics[metric] }));
  const metricTabs = (testIdPrefix: string) => (
    <Segmented
      label={text.analytics.measure}
      choices={metricChoices}
      value={view.metric}
      onChange={(metric) => onChange({ metric })}
      onIntent={(metric) => onIntent({ metric })}
      testIdPrefix={testIdPrefix}
    />
  );

  // A former answer's figures come from what it answered.
  const explained = charted?.question ?? null;

  return (
    <Explaining question={explained}>
      <div
        className="activity"
        data-former={dimmed}
        aria-busy={activity === null || former}
        data-testid="activity"
        data-answer={activity && `${activity.groupBy} ${activity.from} ${activity.to} ${activity.timezone}`}
      >
        <span className="visually-hidden" role="status">
          {activity === null ? text.analytics.loading : former ? text.analytics.updating : ""}
        </span>
        {hasFilters(view.filters) && (
          <Suspense fallback={<div className="chips" />}>
            <FilterChips view={view} question={question} onChange={onChange} />
          </Suspense>
        )}
        <SummaryCards
          activity={activity}
          saved={cached && savings ? savings.all : null}
          unpricedPath={unpricedPath(question.organizationId, view, view.filters)}
        />
        {onlyUnpriced && activity && !empty && (
          <Suspense fallback={null}>
            <PriceToAdd question={question} operates={operates} />
          </Suspense>
        )}
        {empty ? (
          <Suspense fallback={null}>
            <Empty
              question={question}
              span={activity}
              today={today}
              narrowed={hasFilters(view.filters)}
              onChange={onChange}
            />
          </Suspense>
        ) : (
          <>
            <GroupBy view={view} onChange={onChange} onIntent={onIntent} />
            <ChartCard
              state={{ ...view, metric }}
              span={question}
              timeline={drawn}
              grouping={pivotsName(pivots)}
              looks={looks}
              tabs={metricTabs("metric")}
              tools={<Granularities question={question} onChange={onChange} />}
              csv={activityPath(downloadQuestion(question), "csv")}
              picture={fileName(question.organizationId, `${metric}-by-${pivots.join("-and-")}`, question, view.zone, "png")}
              onChange={onChange}
              onDrawn={() => setHasChart(true)}
              stepsOf={stepsOf}
              comparison={
                previous && previous.totals.requestCount > 0
                  ? { span: previous, wanted: view.compare, onToggle: () => onChange({ compare: !view.compare }) }
                  : null
              }
            />
            <RankingCard
              view={view}
              question={question}
              today={today}
              activity={activity}
              savings={pivots.length === 1 && cached ? savings : null}
              metric={metric}
              pivots={pivots}
              grouping={pivotsName(pivots)}
              steps={steps}
              tabs={metricTabs("ranking-metric")}
              onChange={onChange}
            />
            {activity !== null && question.compare && (
              <Boundary small>
                <Suspense fallback={changeToCome}>
                  {beneath ? (
                    <ChangeCard
                      question={{ ...usage, compare: question.compare }}
                      groupBy={pivots}
                      enabled={settled}
                      refetchInterval={refreshing(question, today)}
                    />
                  ) : (
                    changeToCome
                  )}
                </Suspense>
              </Boundary>
            )}
            {activity !== null && (
              <Suspense fallback={<div className="card panel what-if" />}>
                <WhatIfCard question={usage} models={models} />
              </Suspense>
            )}
          </>
        )}
      </div>
    </Explaining>
  );
}

function modelsOf(activity: Activity | null): string[] {
  return activity?.groupBy === "model" ? activity.ranking.flatMap(({ key }) => key ?? []) : [];
}

/** "Model", "Project and model". */
function pivotsName([first = "model", second]: readonly Grouping[]): string {
  const name = text.groupings[first];
  return second ? text.groupingPair(name, text.groupings[second]) : name;
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
