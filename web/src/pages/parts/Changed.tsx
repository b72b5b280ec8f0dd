import { figureOf, hasNoPrice, measured, type Measures } from "../../charts/measure";
import { change } from "../../format/change";
import { dayText, hourText, spanText } from "../../format/dates";
import { signedCount, signedMoney } from "../../format/signed";
import type { Metric } from "../../state/view";
import { text } from "../../text";
import type { Day } from "../../time/day";

/** An earlier window, as the server says of it. */
export interface EarlierWindow {
  from: Day;
  to: Day;
  /** The instant before which it counts, while the window itself is not over. */
  until?: string | null;
  /** The first day with usage, when it is after `from`. */
  since?: Day | null;
}

/** "1 – 29 Oct 2026, before 14:00". */
export function earlierText({ from, to, until }: EarlierWindow): string {
  const span = spanText(from, to);
  return until ? text.compare.until(span, hourText(until)) : span;
}

/** Why two figures say nothing about each other; null where they do. */
export function incomparable({ since }: EarlierWindow): string | null {
  return since ? text.compare.since(dayText(since)) : null;
}

/** The same of the figures themselves: between a price and none there is no change. */
export function priceless(now: Costs, before: Costs, metric: Metric): string | null {
  return metric === "cost" && (hasNoPrice(now) || hasNoPrice(before)) ? text.noPrice : null;
}

type Costs = Pick<Measures, "cost" | "unpricedRequestCount">;

const arrows = { up: "↑", down: "↓", same: "=" } as const;

interface Props {
  now: number;
  before: number;
}

/** "↑ 12%", in words for those who hear it. */
export function Ratio({ now, before }: Props) {
  const difference = change(now, before);
  if (!difference) return null;
  if (difference.kind === "new") return <span className="muted">{text.compare.new}</span>;
  return (
    <span className="change" data-kind={difference.kind}>
      <span aria-hidden="true">{arrows[difference.kind]} </span>
      <span className="visually-hidden">{text.cards[difference.kind]} </span>
      {difference.text}
    </span>
  );
}

/** A cell of the column Change: by how much, and what part of it that is. */
export function Changed({ now, before, metric, fault }: { now: Measures; before: Measures; metric: Metric; fault: string | null }) {
  if (fault !== null) {
    return (
      <span className="muted" title={fault}>
        –
      </span>
    );
  }
  const hint = text.compare.hint(figureOf(before, metric), figureOf(now, metric));
  const reason = priceless(now, before, metric);
  if (reason !== null) {
    return (
      <span className="muted" title={hint}>
        {reason}
      </span>
    );
  }
  const signed = metric === "cost" ? signedMoney : signedCount;
  const [value, valueBefore] = [measured(now, metric), measured(before, metric)];
  return (
    <span className="changed" title={hint}>
      {signed(value - valueBefore)} <Ratio now={value} before={valueBefore} />
    </span>
  );
}
