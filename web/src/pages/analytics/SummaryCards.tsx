import { exactText } from "../../api/exact";
import type { Activity } from "../../api/types";
import { exactFigure, figure, measured, measureFields } from "../../charts/measure";
import { change } from "../../format/change";
import { count, percent, shortCount } from "../../format/counts";
import { spanText } from "../../format/dates";
import { money } from "../../format/money";
import { metrics, type Metric } from "../../state/view";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { Facts } from "../parts/Facts";

export function SummaryCards({ activity }: { activity: Activity | null }) {
  return (
    <section className="cards" aria-label={text.cards.label}>
      {metrics.map((metric) => (
        <SummaryCard key={metric} metric={metric} activity={activity} />
      ))}
    </section>
  );
}

function SummaryCard({ metric, activity }: { metric: Metric; activity: Activity | null }) {
  const totals = activity?.totals;
  const exact = totals ? exactText(totals, measureFields[metric]) : undefined;
  return (
    <article className="card summary" data-testid={`card-${metric}`}>
      <h2>
        {text.cards[metric]}
        {metric === "cost" && totals && totals.unpricedRequestCount > 0 && (
          <span className="unpriced" title={text.cards.unpricedHint(count(totals.unpricedRequestCount))}>
            {text.cards.unpriced(shortCount(totals.unpricedRequestCount))}
          </span>
        )}
      </h2>
      <p className="summary-figure">
        {totals && exact !== undefined ? (
          <data value={exact} data-exact={exact} title={exactFigure(exact, metric)}>
            {figure(measured(totals, metric), metric)}
          </data>
        ) : (
          <Bone width="160px" height="0.9em" />
        )}
      </p>
      <p className="summary-change">
        {activity ? <Comparison activity={activity} metric={metric} /> : <Bone width="140px" />}
      </p>
      <p className="summary-detail muted">
        {activity ? <Detail activity={activity} metric={metric} /> : <Bone width="200px" />}
      </p>
    </article>
  );
}

const arrows = { up: "↑", down: "↓", same: "=" } as const;

function Comparison({ activity, metric }: { activity: Activity; metric: Metric }) {
  const { previous } = activity;
  if (!previous) return null;
  const span = spanText(previous.from, previous.to);
  const before = measured(previous.totals, metric);
  const difference = change(measured(activity.totals, metric), before);
  const versus = <span className="muted">{text.cards.versus(span)}</span>;
  if (!difference || difference.kind === "new") {
    return (
      <span className="muted">
        {text.cards.noneBefore} ({span})
      </span>
    );
  }
  return (
    <span title={text.cards.before(figure(before, metric), span)}>
      <span className="change" data-kind={difference.kind}>
        <span aria-hidden="true">{arrows[difference.kind]} </span>
        <span className="visually-hidden">{text.cards[difference.kind]} </span>
        {difference.text}
      </span>{" "}
      {versus}
    </span>
  );
}

function Detail({ activity: { totals }, metric }: { activity: Activity; metric: Metric }) {
  if (metric === "cost") {
    return (
      <Facts>
        {text.cards.credits(money(totals.creditsCost))}
        {text.cards.ownKeys(money(totals.apiKeysCost))}
      </Facts>
    );
  }
  if (metric === "requests") {
    const errors = totals.requestCount === 0 ? 0 : totals.errorCount / totals.requestCount;
    return (
      <Facts>
        {text.cards.errorRate(percent(errors))}
        {text.cards.cached(shortCount(totals.cacheCount))}
      </Facts>
    );
  }
  return (
    <Facts>
      {text.cards.input(shortCount(totals.inputTokens))}
      {text.cards.output(shortCount(totals.outputTokens))}
      {text.cards.cachedTokens(shortCount(totals.cachedTokens))}
    </Facts>
  );
}
