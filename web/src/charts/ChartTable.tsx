import { percent } from "../format/counts";
import { bucketTitle, spanText } from "../format/dates";
import type { Metric } from "../state/view";
import { text } from "../text";
import { ExplainFigure } from "../ui/ExplainFigure";
import { figure } from "./measure";
import type { Timeline } from "./timeline";
import "./chart.css";

interface Props {
  timeline: Timeline;
  metric: Metric;
  hidden: ReadonlySet<string>;
}

export default function ChartTable({ timeline, metric, hidden }: Props) {
  const shown = timeline.series.filter((series) => !hidden.has(series.id));
  const { before } = timeline;
  return (
    <div className="chart-table" tabIndex={0} role="region" aria-label={text.chart.tableScroll} data-testid="chart-table">
      <table>
        <thead>
          <tr>
            <th scope="col">{text.chart.period[timeline.granularity]}</th>
            <th scope="col" className="number">
              {text.chart.total}
            </th>
            {timeline.errorRates && (
              <th scope="col" className="number">
                {text.cards.errorRateTitle}
              </th>
            )}
            {before && (
              <th scope="col" className="number" title={spanText(before.from, before.to)}>
                {text.chart.before}
              </th>
            )}
            {shown.map((series) => (
              <th key={series.id} scope="col" className="number" title={series.label}>
                <span className="truncate">{series.label}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {timeline.dates.map((date, i) => (
            <tr key={date}>
              <th scope="row">
                {bucketTitle(date, timeline.lastDays[i] ?? date, timeline.granularity)}
                {i === timeline.unfinished && <span className="tag">{text.chart.soFar}</span>}
              </th>
              <td className="number" data-field="total" data-value={timeline.totals[i]}>
                <ExplainFigure cell={{ label: text.chart.total, date }}>
                  {figure(timeline.totals[i] ?? 0, metric, timeline.unpriced[i])}
                </ExplainFigure>
              </td>
              {timeline.errorRates && (
                <td className="number muted" data-field="errorRate" data-value={timeline.errorRates[i]}>
                  {timeline.errorRates[i] == null ? "" : percent(timeline.errorRates[i])}
                </td>
              )}
              {before && (
                <td className="number muted" data-field="before" data-value={before.values[i] ?? 0}>
                  {figure(before.values[i] ?? 0, metric, before.unpriced[i])}
                </td>
              )}
              {shown.map((series) => (
                <td key={series.id} className="number muted" data-field={series.id} data-value={series.values[i]}>
                  <ExplainFigure cell={{ label: series.label, date, keys: series.keys, rest: series.other }}>
                    {figure(series.values[i] ?? 0, metric, series.unpriced[i])}
                  </ExplainFigure>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
