import { Fragment, type CSSProperties } from "react";
import { Link, useLocation } from "wouter";
import type { Saved } from "../../api/cacheSaving";
import { exactText } from "../../api/exact";
import { exactFigure, figureOf, measured, measureFields, shareOf, type Measures } from "../../charts/measure";
import { colourVariable } from "../../charts/look";
import { Swatch } from "../../charts/Swatch";
import type { Look } from "../../state/colours";
import { LABEL_SEPARATOR } from "../../state/series";
import { leads, take, type Steps } from "../../state/steps";
import { metrics, type Metric, type Order } from "../../state/view";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { ExplainFigure, type Cell } from "../../ui/ExplainFigure";
import { Icon } from "../../ui/Icon";
import { useMedia } from "../../ui/useMedia";
import { Changed, priceless, Ratio } from "./Changed";
import { EntryTag } from "./EntryTag";
import { NarrowButton } from "./NarrowButton";
import { SavedBeneath } from "./Saved";
import { PartlyUnpriced } from "./UnpricedTag";
import { costHint } from "./unitCost";
import "./ranking.css";

export interface RankEntry {
  id: string;
  label: string;
  hint: string;
  other: boolean;
  look: Look;
  note: "deleted" | "former" | null;
  measures: Measures;
  /** What caches saved, where that is known. */
  saved?: Saved | null;
  /** The same of an earlier window, where there is one to compare with. */
  before?: Measures;
  steps: Steps;
  /** What its figures are, where it can be asked where they come from. */
  cell?: Cell;
  /** With two pivots each half of the name leads its own way. */
  halves?: readonly { label: string; steps: Steps }[];
}

/** What the columns Before and Change are about. */
export interface Compared {
  /** What all rows add up to, now and before. */
  now: Measures;
  before: Measures;
  /** The days of the earlier window. */
  span: string;
  /** Why nothing can be said of changes; null where it can. */
  fault: string | null;
  order: Order;
  onOrder: (order: Order) => void;
}

interface Props {
  /** What the rows are, in the singular. */
  grouping: string;
  /** Null while the answer is on its way. */
  entries: readonly RankEntry[] | null;
  metric: Metric;
  /** What caches saved in all, where that is known. */
  saved?: Saved | null;
  /** What the shares are of. */
  total: number;
  compared?: Compared | null;
  skeletonRows?: number;
  /** In half-width cards there is no room for the other measures. */
  narrow?: boolean;
  /** At the end of a row is a button that narrows the page to it. */
  narrows?: boolean;
}

export function RankTable({ grouping, entries, metric, saved, total, compared = null, skeletonRows = 10, narrow = false, narrows = false }: Props) {
  const [, navigate] = useLocation();
  // As in the style sheet: where columns have no room, what is in them stands under the figure.
  const isNarrow = useMedia("(max-width: 1080px)");
  const largest = entries?.reduce((most, { measures }) => Math.max(most, measured(measures, metric)), 0) ?? 0;
  const columns = [metric, ...(narrow ? [] : metrics.filter((one) => one !== metric))];
  const change = (now: Measures, before: Measures) => (
    <Changed now={now} before={before} metric={metric} fault={compared?.fault ?? null} />
  );

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
              {i === 0 && compared ? <Ordered by="value" label={text.metrics[column]} {...compared} /> : text.metrics[column]}
              {i === 0 && compared && isNarrow && <span className="ranking-beneath">{text.compare.before}</span>}
            </th>
          ))}
          {compared && (
            <>
              <th scope="col" className="number wide-only ranking-before" title={compared.span}>
                <Ordered by="before" label={text.compare.before} {...compared} />
              </th>
              <th scope="col" className="number wide-only">
                <Ordered by="change" label={text.compare.change} {...compared} />
              </th>
            </>
          )}
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
                "--colour": colourVariable(entry.look),
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
                      <Swatch look={entry.look} />
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
                      title={hint(entry.measures, column)}
                      data-field={column}
                      data-exact={exactText(entry.measures, measureFields[column])}
                    >
                      <ExplainFigure cell={entry.cell ?? null}>{figureOf(entry.measures, column)}</ExplainFigure>
                      {column === "cost" && <PartlyUnpriced of={entry.measures} />}
                      {column === "tokens" && <SavedBeneath saved={entry.saved} />}
                      {i === 0 && compared && isNarrow && entry.before && (
                        <Beneath now={entry.measures} before={entry.before} metric={metric} fault={compared.fault} />
                      )}
                    </td>
                  ))}
                  {compared && entry.before && (
                    <>
                      <td
                        className="number wide-only ranking-before muted"
                        title={exactFigure(exactText(entry.before, measureFields[metric]), metric, entry.before.unpricedRequestCount)}
                        data-field="before"
                        data-exact={exactText(entry.before, measureFields[metric])}
                      >
                        {figureOf(entry.before, metric)}
                      </td>
                      <td className="number wide-only" data-field="change">
                        {change(entry.measures, entry.before)}
                      </td>
                    </>
                  )}
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
                {compared && <td className="number wide-only" colSpan={2} />}
                <td className="number ranking-share" />
                {narrows && <td className="ranking-action" />}
              </tr>
            ))}
      </tbody>
      {entries && compared && (
        <tfoot>
          <tr data-testid="ranking-foot">
            <th scope="row">{text.chart.total}</th>
            <td className="ranking-bar" />
            {columns.map((column, i) => (
              <td
                key={column}
                className={i === 0 ? "number" : "number wide-only"}
                title={exactFigure(exactText(compared.now, measureFields[column]), column, compared.now.unpricedRequestCount)}
                data-field={column}
                data-exact={exactText(compared.now, measureFields[column])}
              >
                {figureOf(compared.now, column)}
                {column === "tokens" && <SavedBeneath saved={saved} />}
                {i === 0 && isNarrow && <Beneath now={compared.now} before={compared.before} metric={metric} fault={compared.fault} />}
              </td>
            ))}
            <td
              className="number wide-only ranking-before"
              title={exactFigure(exactText(compared.before, measureFields[metric]), metric, compared.before.unpricedRequestCount)}
              data-field="before"
              data-exact={exactText(compared.before, measureFields[metric])}
            >
              {figureOf(compared.before, metric)}
            </td>
            <td className="number wide-only" data-field="change">
              {change(compared.now, compared.before)}
            </td>
            <td className="number ranking-share">{shareOf(total, total)}</td>
            {narrows && <td className="ranking-action" />}
          </tr>
        </tfoot>
      )}
    </table>
  );
}

/** Where there is no room for columns of them: what it was before and what became of that, under the figure. */
function Beneath({ now, before, metric, fault }: { now: Measures; before: Measures; metric: Metric; fault: string | null }) {
  return (
    <span className="ranking-beneath muted" title={fault ?? undefined} data-testid="ranking-beneath">
      <span>
        <span className="visually-hidden">{text.compare.was} </span>
        {figureOf(before, metric)}
      </span>
      {fault === null && priceless(now, before, metric) === null && <Ratio now={measured(now, metric)} before={measured(before, metric)} />}
    </span>
  );
}

/** A heading that puts the rows in order, largest first. */
function Ordered({ by, label, order, onOrder }: { by: Order; label: string } & Compared) {
  return (
    <button type="button" className="sort" aria-pressed={order === by} onClick={() => onOrder(by)} data-testid={`order-${by}`}>
      {label}
      <span className="sort-mark" data-on={order === by} data-descending>
        <Icon name="chevronDown" size={12} />
      </span>
    </button>
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

function hint(measures: Measures, column: Metric): string {
  const exact = exactFigure(exactText(measures, measureFields[column]), column, measures.unpricedRequestCount);
  return column === "cost" ? costHint(exact, measures) : exact;
}
