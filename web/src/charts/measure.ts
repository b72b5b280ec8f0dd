import { axisCount, count, percent } from "../format/counts";
import { axisMoney, exactMoney, money } from "../format/money";
import type { Metric } from "../state/view";

export const measureFields = {
  cost: "cost",
  requests: "requestCount",
  tokens: "totalTokens",
} as const satisfies Record<Metric, string>;

export interface Measures {
  cost: number;
  requestCount: number;
  totalTokens: number;
}

export function measured(block: Measures, metric: Metric): number {
  return block[measureFields[metric]];
}

export function figure(value: number, metric: Metric): string {
  return metric === "cost" ? money(value) : count(value);
}

export function axisFigure(value: number, metric: Metric): string {
  return metric === "cost" ? axisMoney(value) : axisCount(value);
}

export function exactFigure(exact: string, metric: Metric): string {
  return metric === "cost" ? exactMoney(exact) : count(Number(exact));
}

export function shareOf(value: number, total: number): string {
  return percent(total === 0 ? 0 : value / total);
}
