import type { Budget } from "../../api/budgets";
import { percent } from "../../format/counts";
import { text } from "../../text";
import { amountText, exactAmount, missed, reached, taken, usedUp, type Forecast, type Unit } from "./standing";
import { budgetWords as words } from "./words";
import "./budgets.css";

type Window = Budget["window"];

interface Props {
  unit: Unit;
  limit: number;
  of: { spent: number; reserved: number; remaining: number };
  /** What is expected of it until it begins anew. */
  forecast?: Forecast | null;
  /** How often it begins anew. */
  window: Window;
  /** Of one that holds for each member by itself: the members. */
  members?: readonly { name: string; remaining: number }[] | null;
}

/** What is spent and reserved of a limit, and what is expected, drawn and in words. */
export function BudgetBar({ unit, limit, of, forecast, window, members }: Props) {
  const share = taken(limit, of);
  const done = members ? usedUp(members) : null;
  const spent = text.budgets.of(amountText(unit, of.spent), amountText(unit, limit));
  return (
    <span className="budget" data-full={done === null ? of.remaining <= 0 : done !== ""} data-testid="budget-bar">
      <span className="budget-line" aria-hidden="true">
        <span className="budget-spent" style={{ width: `${share.spent * 100}%` }} />
        <span className="budget-reserved" style={{ width: `${share.reserved * 100}%` }} />
        {forecast && (
          <span
            className="budget-forecast"
            data-over={forecast.expected > limit}
            style={{ insetInlineStart: `${reached(limit, forecast.expected) * 100}%` }}
          />
        )}
      </span>
      <span className="budget-words" title={exactAmount(unit, of, "spent")}>
        {spent}
        {of.reserved > 0 && <span className="muted"> · {text.budgets.reserved(amountText(unit, of.reserved))}</span>}
      </span>
      {forecast && (
        <span className="budget-expected muted" data-testid="budget-forecast">
          {expectedText(unit, forecast, window)}
        </span>
      )}
      {done && (
        <span className="budget-done" data-testid="budget-done">
          {done}
        </span>
      )}
    </span>
  );
}

/** The band in which it may lie, and how far off the same was before. */
function expectedText(unit: Unit, { expected, low, high, past }: Forecast, window: Window): string {
  const off = missed(past);
  return [
    words.expected(amountText(unit, expected)),
    low != null && high != null && low < high && words.between(amountText(unit, low), amountText(unit, high)),
    off !== null && words.off(percent(off), past.length, window),
  ]
    .filter(Boolean)
    .join(" · ");
}
