import { text } from "../../text";
import { amountText, exactAmount, taken, type Unit } from "./standing";
import "./budgets.css";

interface Props {
  unit: Unit;
  limit: number;
  of: { spent: number; reserved: number; remaining: number };
}

/** What is spent and reserved of a limit, drawn and in words. */
export function BudgetBar({ unit, limit, of }: Props) {
  const share = taken(limit, of);
  const words = text.budgets.of(amountText(unit, of.spent), amountText(unit, limit));
  return (
    <span className="budget" data-full={of.remaining <= 0} data-testid="budget-bar">
      <span className="budget-line" aria-hidden="true">
        <span className="budget-spent" style={{ width: `${share.spent * 100}%` }} />
        <span className="budget-reserved" style={{ width: `${share.reserved * 100}%` }} />
      </span>
      <span className="budget-words" title={exactAmount(unit, of, "spent")}>
        {words}
        {of.reserved > 0 && <span className="muted"> · {text.budgets.reserved(amountText(unit, of.reserved))}</span>}
      </span>
    </span>
  );
}
