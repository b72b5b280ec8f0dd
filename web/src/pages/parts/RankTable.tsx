import { Fragment, type CSSProperties } from "react";
import { Link, useLocation } from "wouter";
import { exactText } from "../../api/exact";
import { exactFigure, figure, measured, measureFields, shareOf, type Measures } from "../../charts/measure";
import { seriesColour } from "../../charts/seriesColour";
import { LABEL_SEPARATOR } from "../../state/series";
import { leads, take, type Steps } from "../../state/steps";
import { metrics, type Metric } from "../../state/view";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { EntryTag } from "./EntryTag";
import { NarrowButton } from "./NarrowButton";
import "./ranking.css";

export interface RankEntry {
  id: string;
  label: string;
  hint: string;
  other: boolean;
  note: "deleted" | "former" | null;
  measures: Measures;
  steps: Steps;
  /** With two pivots each half of the name leads its own way. */
  halves?: readonly { label: string; steps: Steps }[];
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
  /** At the end of a row is a button that narrows the page to it. */
  narrows?: boolean;
}

export function RankTable({ grouping, entries, metric, total, slots, skeletonRows = 10, narrow = false, narrows = false }: Props) {
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
          {narrows && (
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
              const { steps } = entry;
              return (
                <tr
                  key={entry.id}
                  style={style}
                  data-leads={leads(steps)}
                  // Links and buttons in the row are what keyboards and readers use; for a mouse the whole row is one.
                  onClick={leads(steps) ? (event) => isRowClick(event) && take(steps, navigate) : undefined}
                  data-testid="ranking-row"
                  data-key={entry.id}
                  data-exact={exactText(entry.measures, measureFields[metric])}
                >
                  <th scope="row">
                    <span className="ranking-name" title={entry.hint}>
                      <span className="swatch" />
                      {entry.halves ? (
                        <span className="ranking-halves">
                          <Halves halves={entry.halves} />
                        </span>
                      ) : steps.path === null ? (
                        <span className="truncate">{entry.label}</span>
                      ) : (
                        <Link href={steps.path} className="truncate row-link" data-testid="ranking-link">
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
                  {narrows && (
                    <td className="ranking-action">
                      {steps.narrow && (
                        <NarrowButton className="row-action" label={entry.label} steps={steps} testId="filter-entry" />
                      )}
                    </td>
                  )}
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
                {narrows && <td className="ranking-action" />}
              </tr>
            ))}
      </tbody>
    </table>
  );
}

/** "Research · GPT-4o": each half to its page, or the page narrowed to it alone. */
function Halves({ halves }: { halves: NonNullable<RankEntry["halves"]> }) {
  return halves.map(({ label, steps }, i) => (
    <Fragment key={i}>
      {i > 0 && (
        <span className="muted ranking-between" aria-hidden="true">
          {LABEL_SEPARATOR.trim()}
        </span>
      )}
      {steps.path !== null ? (
        <Link href={steps.path} className="truncate row-link" data-testid="ranking-link">
          {label}
        </Link>
      ) : steps.narrow ? (
        <button
          type="button"
          className="truncate row-link"
          aria-pressed={steps.narrowed}
          title={(steps.narrowed ? text.filters.lift : text.filters.only)(label)}
          onClick={steps.narrow}
          data-testid="ranking-half"
        >
          {label}
        </button>
      ) : (
        <span className="truncate">{label}</span>
      )}
    </Fragment>
  ));
}

/** Clicks on links and buttons are their own, and selecting text is no click. */
export function isRowClick(event: {
  target: EventTarget;
  defaultPrevented: boolean;
  metaKey: boolean;
  ctrlKey: boolean;
}): boolean {
  const own = event.target instanceof Element && event.target.closest("a, button") !== null;
  return !own && !event.defaultPrevented && !event.metaKey && !event.ctrlKey && getSelection()?.isCollapsed !== false;
}
