import { percent } from "../format/counts";
import { beforeTitle, bucketTitle } from "../format/dates";
import type { Look } from "../state/colours";
import type { Metric } from "../state/view";
import { text } from "../text";
import type { Granularity } from "../time/buckets";
import { figure } from "./measure";
import { lookOf } from "./look";
import { Swatch } from "./Swatch";
import { ERROR_RATE, type Before, type Series, type Timeline } from "./timeline";

export interface BucketFacts {
  title: string;
  soFar: boolean;
  total: number;
  unpriced: number;
  /** Whether series are switched off, so that the total is not of everything. */
  partial: boolean;
  largest: { series: Series; value: number; unpriced: number }[];
  more: { count: number; value: number; unpriced: number };
  before: { title: string; value: number; unpriced: number } | null;
  /** Of all requests, those that failed; null where the chart does not have it. */
  errorRate: number | null;
}

const LARGEST = 6;

export function bucketFacts(timeline: Timeline, index: number, hidden: ReadonlySet<string>): BucketFacts {
  const present = timeline.series
    .filter((series) => !hidden.has(series.id))
    .map((series) => ({ series, value: series.values[index] ?? 0, unpriced: series.unpriced[index] ?? 0 }))
    .filter(({ value, unpriced }) => value !== 0 || unpriced > 0)
    .sort((a, b) => Number(a.series.other) - Number(b.series.other) || b.value - a.value);
  const partial = timeline.series.some((series) => hidden.has(series.id));
  // One entry more fits in the line that would say "1 more".
  const cut = present.length > LARGEST + 1 ? LARGEST : present.length;
  const rest = present.slice(cut);
  const date = timeline.dates[index] ?? "";
  return {
    title: bucketTitle(date, timeline.lastDays[index] ?? date, timeline.granularity),
    soFar: timeline.unfinished === index,
    total: partial ? present.reduce((sum, { value }) => sum + value, 0) : (timeline.totals[index] ?? 0),
    unpriced: partial ? present.reduce((sum, { unpriced }) => sum + unpriced, 0) : (timeline.unpriced[index] ?? 0),
    partial,
    largest: present.slice(0, cut),
    more: {
      count: rest.length,
      value: rest.reduce((sum, { value }) => sum + value, 0),
      unpriced: rest.reduce((sum, { unpriced }) => sum + unpriced, 0),
    },
    before: timeline.before && beforeFacts(timeline.before, index, timeline.granularity),
    errorRate: hidden.has(ERROR_RATE) ? null : (timeline.errorRates?.[index] ?? null),
  };
}

function beforeFacts({ values, unpriced, dates, lastDays }: Before, index: number, granularity: Granularity) {
  const value = values[index] ?? null;
  const date = dates[index];
  const lastDay = lastDays[index];
  if (value === null || !date || !lastDay) return null;
  return { title: beforeTitle(date, lastDay, granularity), value, unpriced: unpriced[index] ?? 0 };
}

/** Of a part that was chosen the part alone. */
export function spokenFacts(facts: BucketFacts, metric: Metric, chosen: string | null): string {
  const part = facts.largest.find(({ series }) => series.id === chosen);
  if (part) return `${facts.title}, ${part.series.label}: ${figure(part.value, metric, part.unpriced)}`;
  const parts = facts.largest.slice(0, 3).map(
    ({ series, value, unpriced }) => `${series.label} ${figure(value, metric, unpriced)}`,
  );
  const before = facts.before
    ? [`${facts.before.title}: ${figure(facts.before.value, metric, facts.before.unpriced)}`]
    : [];
  const failed = facts.errorRate === null ? [] : [`${text.cards.errorRateTitle}: ${percent(facts.errorRate)}`];
  return [`${facts.title}: ${figure(facts.total, metric, facts.unpriced)}`, ...failed, ...before, ...parts].join(". ");
}

interface Props {
  facts: BucketFacts;
  metric: Metric;
  looks: ReadonlyMap<string, Look>;
  /** The series that a click would follow. */
  target: string | null;
  /** What a click on it does. */
  hint: string | null;
}

export function Tooltip({ facts, metric, looks, target, hint }: Props) {
  return (
    <>
      <p className="tooltip-title">
        {facts.title}
        {facts.soFar && <span className="tag">{text.chart.soFar}</span>}
      </p>
      <dl>
        <div className="tooltip-total">
          <dt>{facts.partial ? text.chart.shownTotal : text.chart.total}</dt>
          <dd>{figure(facts.total, metric, facts.unpriced)}</dd>
        </div>
        {facts.errorRate !== null && (
          <div className="tooltip-before" data-testid="tooltip-errors">
            <dt>
              <span className="swatch-line" />
              <span className="truncate">{text.cards.errorRateTitle}</span>
            </dt>
            <dd>{percent(facts.errorRate)}</dd>
          </div>
        )}
        {facts.before && (
          <div className="muted tooltip-before" data-testid="tooltip-before">
            <dt>
              <span className="swatch-dashed" />
              <span className="truncate">{facts.before.title}</span>
            </dt>
            <dd>{figure(facts.before.value, metric, facts.before.unpriced)}</dd>
          </div>
        )}
        {facts.largest.map(({ series, value, unpriced }) => (
          <div key={series.id} data-target={series.id === target}>
            <dt>
              <Swatch look={lookOf(series.id, looks)} />
              <span className="truncate">{series.label}</span>
            </dt>
            <dd>{figure(value, metric, unpriced)}</dd>
          </div>
        ))}
        {facts.more.count > 0 && (
          <div className="muted">
            <dt>{text.chart.more(facts.more.count)}</dt>
            <dd>{figure(facts.more.value, metric, facts.more.unpriced)}</dd>
          </div>
        )}
      </dl>
      {hint && <p className="tooltip-hint muted">{hint}</p>}
    </>
  );
}
