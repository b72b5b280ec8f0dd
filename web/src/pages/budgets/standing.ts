import { exactText } from "../../api/exact";
import type { Budget } from "../../api/budgets";
import { count } from "../../format/counts";
import { exactMoney, money } from "../../format/money";
import { text } from "../../text";

export type Unit = "cost" | "requests" | "tokens";

export type Forecast = NonNullable<Budget["forecast"]>;

type Amount = "spent" | "reserved" | "remaining";
type Amounts = { [field in Amount]: number };

export function unitOf(budget: Budget): Unit {
  if (budget.limit.cost != null) return "cost";
  return budget.limit.requests != null ? "requests" : "tokens";
}

export const limitOf = (budget: Budget): number => budget.limit[unitOf(budget)] ?? 0;

/** A limit with every digit, as it is typed. */
export function limitText(budget: Budget): string {
  const { cost } = budget.limit;
  return cost == null ? String(limitOf(budget)) : exactText(budget.limit as { cost: number }, "cost");
}

/** An amount in the unit of what a budget counts. */
export function amountText(unit: Unit, value: number): string {
  return unit === "cost" ? money(value) : text.budgets.units[unit](count(value));
}

/** The same with every digit. */
export function exactAmount(unit: Unit, of: Amounts, field: Amount): string {
  return unit === "cost" ? exactMoney(exactText(of, field)) : amountText(unit, of[field]);
}

/** How much of a limit is taken, from 0 to 1, by what is spent and then by what is reserved. */
export function taken(limit: number, { spent, reserved }: { spent: number; reserved: number }) {
  if (limit <= 0) return { spent: 1, reserved: 0 };
  const share = (value: number) => Math.min(1, Math.max(0, value / limit));
  return { spent: share(spent), reserved: Math.min(1 - share(spent), share(reserved)) };
}

/** Where on its bar an amount is, which may be past its end. */
export function reached(limit: number, amount: number): number {
  return limit > 0 ? Math.min(1, Math.max(0, amount / limit)) : 1;
}

/** By what part of all that was spent forecasts were off; null where nothing was. */
export function missed(past: Forecast["past"]): number | null {
  const spent = past.reduce((sum, one) => sum + one.spent, 0);
  const off = past.reduce((sum, one) => sum + Math.abs(one.spent - one.expected), 0);
  return spent > 0 ? off / spent : null;
}

/** Those first of which most is taken, or will be. */
export function nearestFirst(budgets: readonly Budget[]): Budget[] {
  const share = (budget: Budget) => {
    const limit = limitOf(budget) * (budget.members?.length || 1);
    const least = budget.members?.some(({ remaining }) => remaining <= 0) ?? false;
    return least || limit <= 0 ? Infinity : Math.max(budget.spent + budget.reserved, budget.forecast?.expected ?? 0) / limit;
  };
  return budgets.toSorted((a, b) => (share(a) === share(b) ? 0 : share(b) - share(a)));
}

/** Names that a line has room for. */
const NAMES = 3;

/** Who has nothing left, and of how many; empty where everybody has something. */
export function usedUp(members: readonly { name: string; remaining: number }[]): string {
  const done = members.filter(({ remaining }) => remaining <= 0).map(({ name }) => name);
  if (done.length === 0) return "";
  return text.budgets.usedUp(done.length, members.length, done.slice(0, NAMES).join(", "), Math.max(0, done.length - NAMES));
}

export function scopeText({ scope }: Budget): string {
  const words = text.budgets.scopes;
  if (scope.kind === "organization") return words.organization;
  if (scope.kind === "member" && scope.id == null) return words.eachMember;
  return words[scope.kind](scope.id ?? "");
}
