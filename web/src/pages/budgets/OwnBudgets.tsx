import { useQuery } from "@tanstack/react-query";
import { budgetsQuery, type Budget } from "../../api/budgets";
import { dayText } from "../../format/dates";
import { text } from "../../text";
import { BudgetBar } from "./BudgetBar";
import { amountText, limitOf, unitOf } from "./standing";
import { budgetWords } from "./words";

interface Props {
  organizationId: string;
  userId: string;
  title: string;
}

/** What somebody may still use themselves: nothing is shown to whom no limit is set. */
export function OwnBudgets({ organizationId, userId, title }: Props) {
  const budgets = useQuery(budgetsQuery(organizationId)).data ?? [];
  const own = budgets.flatMap((budget) => {
    const of = ownPart(budget, userId);
    return of ? [{ budget, of }] : [];
  });
  if (own.length === 0) return null;
  return (
    <section className="card panel own-budgets-card" aria-labelledby="own-budgets-title" data-testid="own-budgets">
      <header className="panel-header">
        <h2 id="own-budgets-title">{title}</h2>
      </header>
      <div className="own-budgets">
        {own.map(({ budget, of }) => (
          <div key={budget.id} data-testid="own-budget">
            <p className="muted">
              {text.budgets.windows[budget.window]} · {budgetWords.remaining(amountText(unitOf(budget), of.remaining))}
              {budget.resetsAt && ` · ${text.budgets.until(dayText(budget.resetsAt.slice(0, 10)))}`}
            </p>
            <BudgetBar unit={unitOf(budget)} limit={limitOf(budget)} of={of} window={budget.window} />
          </div>
        ))}
      </div>
    </section>
  );
}

function ownPart(budget: Budget, userId: string) {
  if (budget.scope.kind !== "member") return null;
  if (budget.scope.id == null) return budget.members?.find((member) => member.userId === userId) ?? null;
  return budget.scope.id === userId ? budget : null;
}
