import type { Saved } from "../../api/cacheSaving";
import { exactText } from "../../api/exact";
import type { Activity } from "../../api/types";
import { exactFigure, figureOf, hasNoPrice, measured, measureFields } from "../../charts/measure";
import { percent, shortCount } from "../../format/counts";
import { money } from "../../format/money";
import { metrics, type Metric } from "../../state/view";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { ExplainFigure } from "../../ui/ExplainFigure";
import { earlierText, incomparable, priceless, Ratio } from "../parts/Changed";
import { Facts } from "../parts/Facts";
import { isSaved, SavedFact } from "../parts/Saved";
import { UnpricedTag } from "../parts/UnpricedTag";
import { costOfMillion, costOfRequest } from "../parts/unitCost";

interface Props {
  activity: Activity | null;
  /** What caches saved, where it is known. */
  saved: Saved | null;
  /** Where it is said what has no price. */
  unpricedPath: string;
}

export function SummaryCards({ activity, saved, unpricedPath }: Props) {
  return (
    <section className="cards" aria-label={text.cards.label}>
      {metrics.map((metric) => (
        <SummaryCard key={metric} metric={metric} activity={activity} saved={saved} unpricedPath={unpricedPath} />
      ))}
    </section>
  );
}

function SummaryCard({ metric, activity, saved, unpricedPath }: Props & { metric: Metric }) {
  const totals = activity?.totals;
  const exact = totals ? exactText(totals, measureFields[metric]) : undefined;
  return (
    <article className="card summary" data-testid={`card-${metric}`}>
      <h2>
        {text.cards[metric]}
        {metric === "cost" && totals && <UnpricedTag count={totals.unpricedRequestCount} path={unpricedPath} />}
      </h2>
      <p className="summary-figure">
        {totals && exact !== undefined ? (
          <ExplainFigure cell={{ label: text.cards[metric] }}>
            <data value={exact} data-exact={exact} title={exactFigure(exact, metric, totals.unpricedRequestCount)}>
              {figureOf(totals, metric)}
            </data>
          </ExplainFigure>
        ) : (
          <Bone width="160px" height="0.9em" />
        )}
      </p>
      <p className="summary-change">
        {activity ? <Comparison activity={activity} metric={metric} /> : <Bone width="140px" />}
      </p>
      <p className="summary-detail muted">
        {activity ? <Detail activity={activity} saved={saved} metric={metric} /> : <Bone width="200px" />}
      </p>
    </article>
  );
}

function Comparison({ activity, metric }: { activity: Activity; metric: Metric }) {
  const { previous } = activity;
  if (!previous) return null;
  const span = earlierText(previous);
  const [now, before] = [measured(activity.totals, metric), measured(previous.totals, metric)];
  // Half a month beside a whole one would look like a rise, and is none.
  const fault = incomparable(previous) ?? priceless(activity.totals, previous.totals, metric);
  if (fault !== null || before === 0) {
    return (
      <span className="muted">
        {fault ?? text.cards.noneBefore} ({span})
      </span>
    );
  }
  return (
    <span title={text.cards.before(figureOf(previous.totals, metric), span)}>
      <Ratio now={now} before={before} /> <span className="muted">{text.cards.versus(span)}</span>
    </span>
  );
}

function Detail({ activity: { totals }, saved, metric }: { activity: Activity; saved: Saved | null; metric: Metric }) {
  if (metric === "cost") {
    if (hasNoPrice(totals)) return text.cards.noPriceDetail;
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
        {costOfRequest(totals)}
      </Facts>
    );
  }
  return (
    <Facts>
      {text.cards.input(shortCount(totals.inputTokens))}
      {text.cards.output(shortCount(totals.outputTokens))}
      {text.cards.cachedTokens(shortCount(totals.cachedTokens))}
      {isSaved(saved) && <SavedFact saved={saved} />}
      {costOfMillion(totals)}
    </Facts>
  );
}
