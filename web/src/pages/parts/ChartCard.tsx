import { Suspense, useMemo, useRef, type ReactNode } from "react";
import { useLocation } from "wouter";
import { TimeChart, type TimeChartHandle } from "../../charts/TimeChart";
import { ERROR_RATE, peakIndex, type Series, type Timeline } from "../../charts/timeline";
import { figure } from "../../charts/measure";
import { bucketTitle, spanText } from "../../format/dates";
import type { TimeWindow } from "../../state/timeWindow";
import type { Look } from "../../state/colours";
import { nowhere, take, type Steps } from "../../state/steps";
import { chartKinds, type ChartKind, type Metric } from "../../state/view";
import { text } from "../../text";
import type { Span } from "../../time/presets";
import { Bone } from "../../ui/Bone";
import { Icon } from "../../ui/Icon";
import { Segmented } from "../../ui/Segmented";
import { Downloads } from "./Downloads";
import { BeforeEntry, type Comparison } from "./BeforeEntry";
import { Legend } from "./Legend";
import { lazily } from "../../ui/lazily";

const ChartTable = lazily(() => import("../../charts/ChartTable"));

export interface ChartState extends TimeWindow {
  metric: Metric;
  chart: ChartKind;
  hidden: readonly string[];
}

interface Props {
  state: ChartState;
  span: Span;
  timeline: Timeline | null;
  /** What the series are, in the singular: "Model". */
  grouping: string;
  looks: ReadonlyMap<string, Look>;
  /** Right of the title: what is measured. */
  tabs: ReactNode;
  /** Left above the chart. */
  tools?: ReactNode;
  csv: string;
  /** What the chart is called as a file. */
  picture: string;
  onChange: (change: Partial<ChartState>) => void;
  /** The chart is there. */
  onDrawn?: () => void;
  /** Where a series leads, or the part of it that is of some days. */
  stepsOf?: (series: Series, span?: Span) => Steps;
  /** The window before, where the page compares with one. */
  comparison?: Comparison | null;
}

const leadsNowhere = () => nowhere;

export function ChartCard({ state, span, timeline, grouping, looks, tabs, tools, csv, picture, onChange, onDrawn, stepsOf = leadsNowhere, comparison = null }: Props) {
  const [, navigate] = useLocation();
  const chart = useRef<TimeChartHandle>(null);
  // The address is read anew with every change; only another choice of series may draw the chart anew.
  const hidden = useMemo(() => new Set(state.hidden), [JSON.stringify(state.hidden)]);
  const hindrance = timeline && hindranceTo(timeline, state);
  const shown = useMemo(() => (timeline && hindrance ? { ...timeline, before: null } : timeline), [timeline, hindrance]);
  const title = text.chart.title[state.metric];
  const subtitle = `${grouping} · ${spanText(span.from, span.to)} · ${state.zone}`;

  const toggle = (id: string) =>
    onChange({ hidden: hidden.has(id) ? state.hidden.filter((other) => other !== id) : [...state.hidden, id] });

  return (
    <section className="card panel" aria-labelledby="chart-title" data-testid="chart-cost">
      <header className="panel-header">
        <h2 id="chart-title">{title}</h2>
        <span className="print-only muted">{grouping}</span>
        {tabs}
      </header>
      <div className="panel-tools">
        {tools}
        <span className="panel-tools-end">
          <Segmented
            label={text.chart.kindLabel}
            choices={chartKinds.map((kind) => ({
              value: kind,
              label: text.chart.kinds[kind],
              icon: <Icon name={kind} />,
            }))}
            value={state.chart}
            onChange={(kind) => onChange({ chart: kind })}
            testIdPrefix="chart-kind"
          />
          <Downloads
            csv={csv}
            onPicture={
              timeline && state.chart !== "table" ? () => chart.current?.download(title, subtitle, picture) : null
            }
          />
        </span>
      </div>
      {state.chart === "table" && timeline ? (
        <Suspense fallback={<div className="chart" />}>
          <ChartTable timeline={shown ?? timeline} metric={state.metric} hidden={hidden} />
        </Suspense>
      ) : (
        <TimeChart
          ref={chart}
          timeline={shown}
          kind={state.chart === "lines" ? "lines" : "bars"}
          metric={state.metric}
          hidden={hidden}
          looks={looks}
          summary={timeline ? summarize(timeline, state.metric, grouping, span) : ""}
          onZoom={(zoomed) => onChange({ range: { kind: "custom", ...zoomed } })}
          onDrawn={onDrawn}
          stepsOf={stepsOf}
          onPick={(series, span, aside) => take(stepsOf(series, span), navigate, aside)}
        />
      )}
      {timeline ? (
        <Legend series={timeline.series} hidden={hidden} looks={looks} onToggle={({ id }) => toggle(id)} stepsOf={stepsOf}>
          {timeline.errorRates && <ErrorRateEntry off={hidden.has(ERROR_RATE)} onToggle={() => toggle(ERROR_RATE)} />}
          {comparison && <BeforeEntry comparison={comparison} hindrance={hindrance} />}
        </Legend>
      ) : (
        <div className="legend">
          <Bone width="420px" height="20px" />
        </div>
      )}
    </section>
  );
}

/** The line of failed requests, in the legend: a click takes it off the chart and puts it back. */
function ErrorRateEntry({ off, onToggle }: { off: boolean; onToggle: () => void }) {
  const label = text.cards.errorRateTitle;
  return (
    <li data-off={off}>
      <button
        type="button"
        aria-pressed={!off}
        title={(off ? text.chart.show : text.chart.hide)(label)}
        onClick={onToggle}
        data-testid="errors-toggle"
      >
        <span className="swatch-line" />
        <span className="truncate">{label}</span>
      </button>
    </li>
  );
}

/** Why the total of the window before cannot be set against what is drawn; null where it can. */
function hindranceTo(timeline: Timeline, { chart, hidden }: ChartState): string | null {
  if (chart === "table") return null;
  if (chart === "lines" && timeline.series.length > 1) return text.chart.beforeNotInLines;
  return timeline.series.some((series) => hidden.includes(series.id)) ? text.chart.beforeNotHidden : null;
}

function summarize(timeline: Timeline, metric: Metric, grouping: string, span: Span): string {
  const peak = peakIndex(timeline.totals);
  const date = timeline.dates[peak];
  const lastDay = timeline.lastDays[peak];
  if (date === undefined || lastDay === undefined) return "";
  const total = timeline.totals.reduce((sum, value) => sum + value, 0);
  return text.chart.summary(
    text.metrics[metric],
    grouping,
    spanText(span.from, span.to),
    figure(total, metric, timeline.unpriced.reduce((sum, unpriced) => sum + unpriced, 0)),
    `${bucketTitle(date, lastDay, timeline.granularity)}, ${figure(timeline.totals[peak] ?? 0, metric, timeline.unpriced[peak])}`,
  );
}
