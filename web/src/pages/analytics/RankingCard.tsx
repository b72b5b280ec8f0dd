import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { ActivityQuestion } from "../../api/activity";
import { activityQuery } from "../../api/queries";
import type { Activity, RankingEntry } from "../../api/types";
import { measured } from "../../charts/measure";
import { isNameless, isOther, seriesId, seriesLabel } from "../../state/series";
import { withFilter, type Metric, type View } from "../../state/view";
import { text } from "../../text";
import { Icon } from "../../ui/Icon";
import { RankTable, type RankEntry } from "../parts/RankTable";
import { entryPath } from "../routes";
import { rankingQuestion } from "./question";

interface Props {
  view: View;
  question: ActivityQuestion;
  activity: Activity | null;
  slots: ReadonlyMap<string, number>;
  tabs: ReactNode;
  onChange: (change: Partial<View>) => void;
}

export function RankingCard({ view, question, activity, slots, tabs, onChange }: Props) {
  const whole = useQuery({
    ...activityQuery(rankingQuestion(question)),
    placeholderData: keepPreviousData,
    enabled: view.all,
  });
  const shown = view.all ? (whole.data ?? activity) : activity;
  const more = view.all || (activity?.ranking.some(isOther) ?? false);
  const kinds = text.groupingPlurals[view.groupBy];

  const entry = (one: RankingEntry): RankEntry => ({
    id: seriesId(one),
    label: seriesLabel(one),
    hint: hint(one),
    other: isOther(one),
    note: one.former ? "former" : one.deleted ? "deleted" : null,
    measures: one,
    path: entryPath(question.organizationId, view.groupBy, { key: one.key, other: isOther(one) }, view),
  });

  return (
    <section className="card panel" aria-labelledby="ranking-title" data-testid="ranking" data-all={view.all && !!whole.data}>
      <header className="panel-header">
        <h2 id="ranking-title">{text.ranking.title}</h2>
        {tabs}
      </header>
      <RankTable
        grouping={text.groupings[view.groupBy]}
        entries={shown && sorted(shown.ranking, view.metric).map(entry)}
        metric={view.metric}
        total={shown ? measured(shown.totals, view.metric) : 0}
        slots={slots}
        actionOf={(entry) => {
          if (entry.other || entry.id.startsWith("~") || view.filters[view.groupBy]?.includes(entry.id)) return null;
          const filters = withFilter(view.filters, view.groupBy, entry.id);
          return (
            <button
              type="button"
              className="row-action"
              aria-label={text.filters.only(entry.label)}
              title={text.filters.only(entry.label)}
              onClick={() => onChange({ filters })}
              data-testid="filter-entry"
            >
              <Icon name="filter" size={14} />
            </button>
          );
        }}
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

/** While another metric's answer is on its way, the former one is put in the new order already. */
function sorted(ranking: readonly RankingEntry[], metric: Metric): RankingEntry[] {
  return [...ranking].sort(
    (a, b) => Number(isOther(a)) - Number(isOther(b)) || measured(b, metric) - measured(a, metric),
  );
}

function hint(entry: RankingEntry): string {
  if (isOther(entry)) return text.ranking.otherHint;
  if (isNameless(entry)) return text.ranking.unattributedHint;
  const label = seriesLabel(entry);
  return entry.key && entry.key !== label ? `${label} (${entry.key})` : label;
}
