import { lazy, Suspense, useMemo, useRef, useState, type ReactNode } from "react";
import { activityPath, type ActivityQuestion } from "../../api/activity";
import { TimeChart, type TimeChartHandle } from "../../charts/TimeChart";
import { peakIndex, type Series, type Timeline } from "../../charts/timeline";
import { figure } from "../../charts/measure";
import { bucketTitle, spanText } from "../../format/dates";
import { chartKinds, type View } from "../../state/view";
import { text } from "../../text";
import { granularitiesFor } from "../../time/buckets";
import { Bone } from "../../ui/Bone";
import { Icon } from "../../ui/Icon";
import { Popover } from "../../ui/Popover";
import { Segmented } from "../../ui/Segmented";
import { Legend } from "./Legend";
import { downloadQuestion } from "./question";

const ChartTable = lazy(() => import("../../charts/ChartTable"));

interface Props {
  view: View;
  question: ActivityQuestion;
  timeline: Timeline | null;
  slots: ReadonlyMap<string, number>;
  tabs: ReactNode;
  onChange: (change: Partial<View>) => void;
}

export function ChartCard({ view, question, timeline, slots, tabs, onChange }: Props) {
  const chart = useRef<TimeChartHandle>(null);
  const hidden = useMemo(() => new Set(view.hidden), [view.hidden]);
  const granularities = granularitiesFor(question);
  const title = text.chart.title[view.metric];
  const subtitle = `${text.groupings[view.groupBy]} · ${spanText(question.from, question.to)} · ${question.timezone}`;

  const toggle = (series: Series) =>
    onChange({
      hidden: hidden.has(series.id)
        ? view.hidden.filter((id) => id !== series.id)
        : [...view.hidden, series.id],
    });

  return (
    <section className="card panel" aria-labelledby="chart-title" data-testid="chart-cost">
      <header className="panel-header">
        <h2 id="chart-title">{title}</h2>
        {tabs}
      </header>
      <div className="panel-tools">
        {granularities.length > 1 && (
          <Segmented
            label={text.granularityLabel}
            choices={granularities.map((one) => ({ value: one, label: text.granularities[one] }))}
            value={question.granularity}
            onChange={(per) => onChange({ per })}
            testIdPrefix="granularity"
          />
        )}
        <span className="panel-tools-end">
          <Segmented
            label={text.chart.kindLabel}
            choices={chartKinds.map((kind) => ({
              value: kind,
              label: text.chart.kinds[kind],
              icon: <Icon name={kind} />,
            }))}
            value={view.chart}
            onChange={(kind) => onChange({ chart: kind })}
            testIdPrefix="chart-kind"
          />
          <Downloads
            csv={activityPath(downloadQuestion(question), "csv")}
            onPicture={
              timeline && view.chart !== "table"
                ? () => chart.current?.download(title, subtitle, `rollcall-${view.metric}-${question.from}-${question.to}.png`)
                : null
            }
          />
        </span>
      </div>
      {view.chart === "table" && timeline ? (
        <Suspense fallback={<div className="chart" />}>
          <ChartTable timeline={timeline} metric={view.metric} hidden={hidden} />
        </Suspense>
      ) : (
        <TimeChart
          ref={chart}
          timeline={timeline}
          kind={view.chart === "lines" ? "lines" : "bars"}
          metric={view.metric}
          hidden={hidden}
          slots={slots}
          summary={timeline ? summarize(timeline, view, question) : ""}
          onZoom={(span) => onChange({ range: { kind: "custom", ...span }, per: null })}
        />
      )}
      {timeline ? (
        <Legend series={timeline.series} hidden={hidden} slots={slots} onToggle={toggle} />
      ) : (
        <div className="legend">
          <Bone width="420px" height="20px" />
        </div>
      )}
    </section>
  );
}

function summarize(timeline: Timeline, view: View, question: ActivityQuestion): string {
  const peak = peakIndex(timeline.totals);
  const date = timeline.dates[peak];
  const lastDay = timeline.lastDays[peak];
  if (date === undefined || lastDay === undefined) return "";
  const total = timeline.totals.reduce((sum, value) => sum + value, 0);
  return text.chart.summary(
    text.metrics[view.metric],
    text.groupings[view.groupBy],
    spanText(question.from, question.to),
    figure(total, view.metric),
    `${bucketTitle(date, lastDay, timeline.granularity)}, ${figure(timeline.totals[peak] ?? 0, view.metric)}`,
  );
}

function Downloads({ csv, onPicture }: { csv: string; onPicture: (() => void) | null }) {
  const [open, setOpen] = useState(false);
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label={text.chart.downloads}
      trigger={(props) => (
        <button
          {...props}
          className="button button-quiet button-icon"
          aria-label={text.chart.downloads}
          title={text.chart.downloads}
          data-testid="download-button"
        >
          <Icon name="download" />
        </button>
      )}
    >
      <div className="menu">
        {onPicture && (
          <button
            type="button"
            className="menu-item"
            data-testid="download-png"
            onClick={() => {
              setOpen(false);
              onPicture();
            }}
          >
            <Icon name="image" />
            {text.chart.png}
          </button>
        )}
        <a className="menu-item" href={csv} download data-testid="download-csv" onClick={() => setOpen(false)}>
          <Icon name="table" />
          {text.chart.csv}
        </a>
      </div>
    </Popover>
  );
}
