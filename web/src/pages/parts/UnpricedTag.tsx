import { Link } from "wouter";
import { hasNoPrice, type Measures } from "../../charts/measure";
import { count, shortCount } from "../../format/counts";
import { text } from "../../text";

interface Props {
  count: number;
  /** Where it is said which these are and what to do; undefined where the reader may not see that. */
  path?: string;
}

/** Under a cost: how many requests it is not of. Where it is of none, "no price" says so already. */
export function PartlyUnpriced({ of }: { of: Pick<Measures, "cost" | "unpricedRequestCount"> }) {
  const { unpricedRequestCount = 0 } = of;
  if (unpricedRequestCount === 0 || hasNoPrice(of)) return null;
  return (
    <span className="partly-unpriced" data-testid="partly-unpriced">
      {text.cards.unpriced(shortCount(unpricedRequestCount))}
    </span>
  );
}

/** How many requests a cost is not of. */
export function UnpricedTag({ count: unpriced, path }: Props) {
  if (unpriced === 0) return null;
  const label = text.cards.unpriced(shortCount(unpriced));
  const hint = text.cards.unpricedHint(count(unpriced));
  return path === undefined ? (
    <span className="unpriced" title={hint} data-testid="unpriced">
      {label}
    </span>
  ) : (
    <Link href={path} className="unpriced" title={hint} data-testid="unpriced">
      {label}
    </Link>
  );
}
