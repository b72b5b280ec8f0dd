import { Link } from "wouter";
import { count, shortCount } from "../../format/counts";
import { text } from "../../text";

interface Props {
  count: number;
  /** Where it is said which these are and what to do; undefined where the reader may not see that. */
  path?: string;
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
