import type { CSSProperties, ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { exactText } from "../../api/exact";
import { exactFigure, figure, measured, measureFields, shareOf, type Measures } from "../../charts/measure";
import { seriesColour } from "../../charts/seriesColour";
import { metrics, type Metric } from "../../state/view";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { EntryTag } from "./EntryTag";

export interface RankEntry {
  id: string;
  label: string;
  hint: string;
  other: boolean;
  note: "deleted" | "former" | null;
  measures: Measures;
  path: string | null;
}

interface Props {
  /** What the rows are, in the singular. */
  grouping: string;
  /** Null while the answer is on its way. */
  entries: readonly RankEntry[] | null;
  metric: Metric;
  /** What the shares are of. */
  total: number;
  slots: ReadonlyMap<string, number>;
  skeletonRows?: number;
  /** In half-width cards there is no room for the other measures. */
  narrow?: boolean;
  /** At the end of a row: something to do with its entry. */
  actionOf?: (entry: RankEntry) => ReactNode;
}

export function RankTable({ grouping, entries, metric, total, slots, skeletonRows = 10, narrow = false, actionOf }: Props) {
  const [, navigate] = useLocation();
  const largest = entries?.reduce((most, { measures }) => Math.max(most, measured(measures, metric)), 0) ?? 0;
  const columns = [metric, ...(narrow ? [] : metrics.filter((one) => one !== metric))];

  return (
    <table className="ranking">
      <thead>
        <tr>
          <th scope="col">{grouping}</th>
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
          {actionOf && (
            <th scope="col" className="ranking-action">
              <span className="visually-hidden">{text.filters.column}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {entries
          ? entries.map((entry) => {
              const value = measured(entry.measures, metric);
              const style = {
                "--part": largest === 0 ? 0 : value / largest,
                "--colour": seriesColour(entry.id, entry.other, slots),
              } as CSSProperties;
              const { path } = entry;
              return (
                <tr
                  key={entry.id}
                  style={style}
                  data-leads={path !== null}
                  // The link in the row is what keyboards and readers use; for a mouse the whole row is it.
                  onClick={path === null ? undefined : (event) => followRow(event, path, navigate)}
                  data-testid="ranking-row"
                  data-key={entry.id}
                  data-exact={exactText(entry.measures, measureFields[metric])}
                >
                  <th scope="row">
                    <span className="ranking-name" title={entry.hint}>
                      <span className="swatch" />
                      {path === null ? (
                        <span className="truncate">{entry.label}</span>
                      ) : (
                        <Link href={path} className="truncate row-link" data-testid="ranking-link">
                          {entry.label}
                        </Link>
                      )}
                      <EntryTag note={entry.note} />
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
                      title={exactFigure(exactText(entry.measures, measureFields[column]), column)}
                      data-field={column}
                      data-exact={exactText(entry.measures, measureFields[column])}
                    >
                      {figure(measured(entry.measures, column), column)}
                    </td>
                  ))}
                  <td className="number ranking-share">{shareOf(value, total)}</td>
                  {actionOf && <td className="ranking-action">{actionOf(entry)}</td>}
                </tr>
              );
            })
          : Array.from({ length: skeletonRows }, (_, i) => (
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
                {columns.slice(1).map((column) => (
                  <td key={column} className="number wide-only" />
                ))}
                <td className="number ranking-share" />
                {actionOf && <td className="ranking-action" />}
              </tr>
            ))}
      </tbody>
    </table>
  );
}

/** Clicks on links and buttons are their own, and selecting text is no click. */
export function followRow(
  event: { target: EventTarget; defaultPrevented: boolean; metaKey: boolean; ctrlKey: boolean },
  path: string,
  navigate: (path: string) => void,
): void {
  const own = event.target instanceof Element && event.target.closest("a, button") !== null;
  if (own || event.defaultPrevented || event.metaKey || event.ctrlKey) return;
  if (getSelection()?.isCollapsed === false) return;
  navigate(path);
}
