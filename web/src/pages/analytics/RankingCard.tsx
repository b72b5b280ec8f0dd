import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { CSSProperties, ReactNode } from "react";
import type { ActivityQuestion } from "../../api/activity";
import { exactText } from "../../api/exact";
import { activityQuery } from "../../api/queries";
import type { Activity, RankingEntry } from "../../api/types";
import { exactFigure, figure, measured, measureFields, shareOf } from "../../charts/measure";
import { seriesColour } from "../../charts/seriesColour";
import { isNameless, isOther, seriesId, seriesLabel } from "../../state/series";
import { metrics, type Metric, type View } from "../../state/view";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { EntryTag } from "./EntryTag";
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

  return (
    <section className="card panel" aria-labelledby="ranking-title" data-testid="ranking" data-all={view.all && !!whole.data}>
      <header className="panel-header">
        <h2 id="ranking-title">{text.ranking.title}</h2>
        {tabs}
      </header>
      <RankingTable activity={shown} view={view} slots={slots} />
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

const SKELETON_ROWS = 10;

interface TableProps {
  activity: Activity | null;
  view: View;
  slots: ReadonlyMap<string, number>;
}

function RankingTable({ activity, view, slots }: TableProps) {
  const { metric } = view;
  const total = activity ? measured(activity.totals, metric) : 0;
  const entries = activity ? sorted(activity.ranking, metric) : [];
  const largest = entries.reduce((most, entry) => Math.max(most, measured(entry, metric)), 0);
  const columns = [metric, ...metrics.filter((one) => one !== metric)];

  return (
    <table className="ranking">
      <thead>
        <tr>
          <th scope="col">{text.groupings[view.groupBy]}</th>
          <th scope="col" className="ranking-bar">
            <span className="visually-hidden">{text.ranking.share}</span>
          </th>
          {columns.map((column, i) => (
            <th scope="col" key={column} className={i === 0 ? "number" : "number wide-only"}>
              {text.metrics[column]}
            </th>
          ))}
          <th scope="col" className="number ranking-share">
            {text.ranking.share}
          </th>
        </tr>
      </thead>
      <tbody>
        {activity
          ? entries.map((entry) => {
              const id = seriesId(entry);
              const value = measured(entry, metric);
              const style = {
                "--part": largest === 0 ? 0 : value / largest,
                "--colour": seriesColour(id, isOther(entry), slots),
              } as CSSProperties;
              return (
                <tr key={id} style={style} data-testid="ranking-row" data-key={id} data-exact={exactText(entry, measureFields[metric])}>
                  <th scope="row">
                    <span className="ranking-name" title={hint(entry)}>
                      <span className="swatch" />
                      <span className="truncate">{seriesLabel(entry)}</span>
                      <EntryTag note={entry.former ? "former" : entry.deleted ? "deleted" : null} />
                    </span>
                    <span className="bar narrow-only" aria-hidden="true" />
                  </th>
                  <td className="ranking-bar" aria-hidden="true">
                    <span className="bar" />
                  </td>
                  {columns.map((column, i) => (
                    <td
                      key={column}
                      className={i === 0 ? "number" : "number wide-only muted"}
                      title={exactFigure(exactText(entry, measureFields[column]), column)}
                    >
                      {figure(measured(entry, column), column)}
                    </td>
                  ))}
                  <td className="number ranking-share">{shareOf(value, total)}</td>
                </tr>
              );
            })
          : Array.from({ length: SKELETON_ROWS }, (_, i) => (
              <tr key={i}>
                <th scope="row">
                  <span className="ranking-name">
                    <Bone width={`${150 - i * 6}px`} />
                  </span>
                </th>
                <td className="ranking-bar" />
                <td className="number">
                  <Bone width="64px" />
                </td>
                <td className="number wide-only" />
                <td className="number wide-only" />
                <td className="number ranking-share" />
              </tr>
            ))}
      </tbody>
    </table>
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
