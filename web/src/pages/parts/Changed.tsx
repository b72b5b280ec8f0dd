import { figure } from "../../charts/measure";
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
export function Changed({ now, before, metric, fault }: Props & { metric: Metric; fault: string | null }) {
  if (fault !== null) {
    return (
      <span className="muted" title={fault}>
        –
      </span>
    );
  }
  const signed = metric === "cost" ? signedMoney : signedCount;
  return (
    <span className="changed" title={text.compare.hint(figure(before, metric), figure(now, metric))}>
      {signed(now - before)} <Ratio now={now} before={before} />
    </span>
  );
}
