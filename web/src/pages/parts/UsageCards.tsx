import type { ReactNode } from "react";
import type { Summary } from "../../api/blocks";
import type { Saved } from "../../api/cacheSaving";
import { exactText } from "../../api/exact";
import { exactFigure, hasNoPrice, spent } from "../../charts/measure";
import { count, percent, shortCount } from "../../format/counts";
import { money } from "../../format/money";
import { errorShare } from "../../state/errorShare";
import { text } from "../../text";
import { Facts } from "./Facts";
import { isSaved, SavedFact } from "./Saved";
import { FigureCard } from "./FigureCard";
import { UnpricedTag } from "./UnpricedTag";
import { unitCostFacts } from "./unitCost";

interface Props {
  summary: Summary | null;
  /** What caches saved, where it is known. */
  saved?: Saved | null;
  /** Where it is said what has no price, for those who may see it. */
  unpricedPath?: string;
  /** A further card: the number of keys. */
  children?: ReactNode;
}

/** What one member, one key or oneself used. */
export function UsageCards({ summary, saved, unpricedPath, children }: Props) {
  return (
    <section className="cards cards-many" aria-label={text.cards.label}>
      <FigureCard
        id="cost"
        label={text.metrics.cost}
        tag={summary && <UnpricedTag count={summary.unpricedRequestCount} path={unpricedPath} />}
        figure={summary && costFigure(summary)}
        explained
      >
        {summary &&
          (hasNoPrice(summary) ? (
            text.cards.noPriceDetail
          ) : (
            <Facts>
              {text.cards.credits(money(summary.creditsCost))}
              {text.cards.ownKeys(money(summary.apiKeysCost))}
              {unitCostFacts(summary)}
            </Facts>
          ))}
      </FigureCard>
      <FigureCard id="tokens" label={text.metrics.tokens} figure={summary && counted(summary, "totalTokens")} explained>
        {summary && (
          <Facts>
            {text.cards.input(shortCount(summary.inputTokens))}
            {text.cards.output(shortCount(summary.outputTokens))}
            {text.cards.cachedTokens(shortCount(summary.cachedTokens))}
            {isSaved(saved) && <SavedFact saved={saved} />}
          </Facts>
        )}
      </FigureCard>
      <FigureCard id="requests" label={text.metrics.requests} figure={summary && counted(summary, "requestCount")} explained>
        {summary && text.cards.cached(shortCount(summary.cacheCount))}
      </FigureCard>
      <FigureCard id="error-rate" label={text.cards.errorRateTitle} figure={summary && errorRate(summary)}>
        {summary && (
          <Facts>
            {text.cards.errors(shortCount(summary.errorCount))}
            {text.cards.clientErrors(shortCount(summary.clientErrorCount))}
          </Facts>
        )}
      </FigureCard>
      {children}
    </section>
  );
}

function costFigure(summary: Summary) {
  const exact = exactText(summary, "cost");
  return { shown: spent(summary), exact, hint: exactFigure(exact, "cost", summary.unpricedRequestCount) };
}

function counted(summary: Summary, field: "totalTokens" | "requestCount") {
  return { shown: count(summary[field]), exact: exactText(summary, field) };
}

function errorRate(summary: Summary) {
  return { shown: percent(errorShare(summary)), exact: exactText(summary, "errorCount") };
}
