import { beforeTitle, bucketTitle } from "../format/dates";
import type { Look } from "../state/colours";
import type { Metric } from "../state/view";
import { text } from "../text";
import type { Granularity } from "../time/buckets";
import { figure } from "./measure";
import { lookOf } from "./look";
import { Swatch } from "./Swatch";
import type { Before, Series, Timeline } from "./timeline";

export interface BucketFacts {
  title: string;
  soFar: boolean;
  total: number;
  /** Whether series are switched off, so that the total is not of everything. */
  partial: boolean;
  largest: { series: Series; value: number }[];
  more: { count: number; value: number };
  before: { title: string; value: number } | null;
}

const LARGEST = 6;

export function bucketFacts(timeline: Timeline, index: number, hidden: ReadonlySet<string>): BucketFacts {
  const present = timeline.series
    .filter((series) => !hidden.has(series.id))
    .map((series) => ({ series, value: series.values[index] ?? 0 }))
    .filter(({ value }) => value !== 0)
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
    partial,
    largest: present.slice(0, cut),
    more: { count: rest.length, value: rest.reduce((sum, { value }) => sum + value, 0) },
    before: timeline.before && beforeFacts(timeline.before, index, timeline.granularity),
  };
}

function beforeFacts({ values, dates, lastDays }: Before, index: number, granularity: Granularity) {
  const value = values[index] ?? null;
  const date = dates[index];
  const lastDay = lastDays[index];
  if (value === null || !date || !lastDay) return null;
  return { title: beforeTitle(date, lastDay, granularity), value };
}

export function spokenFacts(facts: BucketFacts, metric: Metric): string {
  const parts = facts.largest.slice(0, 3).map(({ series, value }) => `${series.label} ${figure(value, metric)}`);
  const before = facts.before ? [`${facts.before.title}: ${figure(facts.before.value, metric)}`] : [];
  return [`${facts.title}: ${figure(facts.total, metric)}`, ...before, ...parts].join(". ");
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
          <dd>{figure(facts.total, metric)}</dd>
        </div>
        {facts.before && (
          <div className="muted tooltip-before" data-testid="tooltip-before">
            <dt>
              <span className="swatch-dashed" />
              <span className="truncate">{facts.before.title}</span>
            </dt>
            <dd>{figure(facts.before.value, metric)}</dd>
          </div>
        )}
        {facts.largest.map(({ series, value }) => (
          <div key={series.id} data-target={series.id === target}>
            <dt>
              <Swatch look={lookOf(series.id, looks)} />
              <span className="truncate">{series.label}</span>
            </dt>
            <dd>{figure(value, metric)}</dd>
          </div>
        ))}
        {facts.more.count > 0 && (
          <div className="muted">
            <dt>{text.chart.more(facts.more.count)}</dt>
            <dd>{figure(facts.more.value, metric)}</dd>
          </div>
        )}
      </dl>
      {hint && <p className="tooltip-hint muted">{hint}</p>}
    </>
  );
}
