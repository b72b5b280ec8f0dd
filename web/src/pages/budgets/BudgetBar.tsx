import { text } from "../../text";
import { amountText, exactAmount, taken, usedUp, type Unit } from "./standing";
import "./budgets.css";

interface Props {
  unit: Unit;
  limit: number;
  of: { spent: number; reserved: number; remaining: number };
  /** Of one that holds for each member by itself: the members. */
  members?: readonly { name: string; remaining: number }[] | null;
}

/** What is spent and reserved of a limit, drawn and in words. */
export function BudgetBar({ unit, limit, of, members }: Props) {
  const share = taken(limit, of);
  const done = members ? usedUp(members) : null;
  const words = text.budgets.of(amountText(unit, of.spent), amountText(unit, limit));
  return (
    <span className="budget" data-full={done === null ? of.remaining <= 0 : done !== ""} data-testid="budget-bar">
      <span className="budget-line" aria-hidden="true">
        <span className="budget-spent" style={{ width: `${share.spent * 100}%` }} />
        <span className="budget-reserved" style={{ width: `${share.reserved * 100}%` }} />
      </span>
      <span className="budget-words" title={exactAmount(unit, of, "spent")}>
        {words}
        {of.reserved > 0 && <span className="muted"> · {text.budgets.reserved(amountText(unit, of.reserved))}</span>}
      </span>
      {done && (
        <span className="budget-done" data-testid="budget-done">
          {done}
        </span>
      )}
    </span>
  );
}
