import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { ActivityQuestion } from "../../api/activity";
import { activityQuery } from "../../api/queries";
import type { Activity } from "../../api/types";
import { measured, type Measures } from "../../charts/measure";
import { lookOf } from "../../charts/look";
import { looksOf } from "../../state/colours";
import type { Grouping } from "../../state/filters";
import { isNameless, isOther, seriesId, seriesKeys, seriesLabel, shownLabels, thingOf, type Keyed } from "../../state/series";
import type { Metric, Order, View } from "../../state/view";
import { text } from "../../text";
import type { Day } from "../../time/day";
import { earlierText, incomparable } from "../parts/Changed";
import { RankTable, type RankEntry } from "../parts/RankTable";
import type { Savings } from "../parts/useCacheSaving";
import { refreshing } from "../window/useQuestion";
import { rankingQuestion } from "./question";
import type { EntrySteps } from "./steps";

interface Props {
  view: View;
  question: ActivityQuestion;
  today: Day;
  activity: Activity | null;
  /** What caches saved, by the one pivot; null where that is not known. */
  savings: Savings | null;
  /** What the answer ranks by. */
  metric: Metric;
  /** What the entries of the answer are, and what that is called. */
  pivots: readonly Grouping[];
  grouping: string;
  steps: EntrySteps;
  tabs: ReactNode;
  onChange: (change: Partial<View>) => void;
}

export function RankingCard({ view, question, today, activity, savings, metric, pivots, grouping, steps, tabs, onChange }: Props) {
  const whole = useQuery({
    ...activityQuery(rankingQuestion(question)),
    placeholderData: keepPreviousData,
    enabled: view.all,
    refetchInterval: refreshing(question, today),
  });
  const shown = view.all ? (whole.data ?? activity) : activity;
  const more = view.all || (activity?.ranking.some(isOther) ?? false);
  const [first = view.groupBy, second] = pivots;
  const kinds = second ? text.groupingPairPlural : text.groupingPlurals[first];

  const previous = shown?.previous ?? null;
  const before = new Map(previous?.ranking.map((one) => [seriesId(one), one]));

  const charted = activity?.ranking.map(thingOf) ?? [];
  const looks = looksOf(charted, [...(shown?.ranking ?? []), ...(previous?.ranking ?? [])].map(thingOf));

  const own = shown?.ranking.filter((one) => !isOther(one)).map((one) => seriesKeys(one)[0] ?? null) ?? [];
  const entry = (one: Ranked): RankEntry => ({
    id: seriesId(one),
    label: seriesLabel(one),
    hint: hint(one, pivots),
    other: isOther(one),
    look: lookOf(seriesId(one), looks),
    note: one.former ? "former" : one.deleted ? "deleted" : null,
    measures: one,
    saved: savings && (isOther(one) ? savings.ofOthers(own) : savings.of(seriesKeys(one)[0] ?? null)),
    before: previous ? (before.get(seriesId(one)) ?? NOTHING) : undefined,
    steps: steps.of({ keys: seriesKeys(one), other: isOther(one) }),
    cell: { label: seriesLabel(one), keys: seriesKeys(one), rest: isOther(one) },
    halves:
      second && !isOther(one)
        ? shownLabels(one).map((label, i) => ({ label, steps: steps.ofPivot(i, seriesKeys(one)[i] ?? null) }))
        : undefined,
  });

  return (
    <section className="card panel" aria-labelledby="ranking-title" data-testid="ranking" data-all={view.all && !!whole.data}>
      <header className="panel-header">
        <h2 id="ranking-title">{text.ranking.title}</h2>
        {tabs}
      </header>
      <RankTable
        grouping={grouping}
        entries={shown && sorted(shown, metric, view.order).map(entry)}
        metric={metric}
        saved={savings && savings.all}
        total={shown ? measured(shown.totals, metric) : 0}
        compared={
          shown &&
          previous && {
            now: shown.totals,
            before: previous.totals,
            span: earlierText(previous),
            fault: incomparable(previous),
            order: view.order,
            onOrder: (order) => onChange({ order }),
          }
        }
        narrows
      />
      {whole.error && view.all && (
        <p className="ranking-fault" role="alert">
          {text.ranking.failed}
        </p>
      )}
      {more && (
        <button
          type="button"
          className="button button-quiet ranking-more"
          onClick={() => onChange({ all: !view.all })}
          data-testid="ranking-all"
        >
          {view.all ? text.ranking.showLess(kinds) : text.ranking.showAll(kinds)}
        </button>
      )}
    </section>
  );
}

type Ranked = Keyed & Measures & { deleted?: boolean; former?: boolean };

const NOTHING = { cost: 0, requestCount: 0, totalTokens: 0, unpricedRequestCount: 0 };

/** What is gone has a row as well, so that both columns add up. The whole ranking may still be one by another measure. */
function sorted({ ranking, previous }: Activity, metric: Metric, order: Order): Ranked[] {
  const before = new Map(previous?.ranking.map((one) => [seriesId(one), measured(one, metric)]));
  const here = new Set(ranking.map(seriesId));
  const gone = previous?.ranking.filter((one) => !here.has(seriesId(one))).map((one) => ({ ...one, ...NOTHING })) ?? [];
  const valueOf = (one: Ranked) => {
    const then = before.get(seriesId(one)) ?? 0;
    return { value: measured(one, metric), before: then, change: measured(one, metric) - then }[order];
  };
  return [...ranking, ...gone].sort((a, b) => Number(isOther(a)) - Number(isOther(b)) || valueOf(b) - valueOf(a));
}

function hint(entry: Keyed, pivots: readonly Grouping[]): string {
  if (isOther(entry)) return text.ranking.otherHint;
  const label = seriesLabel(entry);
  if (isNameless(entry)) {
    if (pivots.length > 1) return label;
    return pivots[0] === "source" ? text.ranking.noAppHint : text.ranking.unattributedHint;
  }
  const ids = seriesKeys(entry).map((key) => key ?? "–").join(", ");
  return ids === label ? label : `${label} (${ids})`;
}
