import { axisCount, count, percent } from "../format/counts";
import { axisMoney, exactMoney, money } from "../format/money";
import type { Metric } from "../state/view";
import { text } from "../text";

export const measureFields = {
  cost: "cost",
  requests: "requestCount",
  tokens: "totalTokens",
} as const satisfies Record<Metric, string>;

export interface Measures {
  cost: number;
  requestCount: number;
  totalTokens: number;
  /** Requests whose cost nobody knows; left out where there are none. */
  unpricedRequestCount?: number;
}

export function measured(block: Measures, metric: Metric): number {
  return block[measureFields[metric]];
}

/** `unpriced` of the calls have no price: what they cost nobody knows, which is another thing than nothing. */
export function figure(value: number, metric: Metric, unpriced = 0): string {
  if (metric !== "cost") return count(value);
  return value === 0 && unpriced > 0 ? text.noPrice : money(value);
}

/** Nothing of it has a price. */
export function hasNoPrice({ cost, unpricedRequestCount = 0 }: { cost: number; unpricedRequestCount?: number }): boolean {
  return cost === 0 && unpricedRequestCount > 0;
}

export function figureOf(block: Measures, metric: Metric): string {
  return figure(measured(block, metric), metric, block.unpricedRequestCount);
}

export const spent = (block: { cost: number; unpricedRequestCount?: number }): string =>
  figure(block.cost, "cost", block.unpricedRequestCount);

export function axisFigure(value: number, metric: Metric): string {
  return metric === "cost" ? axisMoney(value) : axisCount(value);
}

/** Every digit, and of how many calls it is not. */
export function exactFigure(exact: string, metric: Metric, unpriced = 0): string {
  if (metric !== "cost") return count(Number(exact));
  return unpriced > 0 ? `${exactMoney(exact)} · ${text.cards.unpriced(count(unpriced))}` : exactMoney(exact);
}

export function shareOf(value: number, total: number): string {
  return percent(total === 0 ? 0 : value / total);
}
