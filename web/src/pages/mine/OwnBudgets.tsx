import { useQuery } from "@tanstack/react-query";
import { budgetsQuery, type Budget } from "../../api/budgets";
import { dayText } from "../../format/dates";
import { text } from "../../text";
import { BudgetBar } from "../budgets/BudgetBar";
import { limitOf, unitOf } from "../budgets/standing";

interface Props {
  organizationId: string;
  userId: string;
}

/** What somebody may still use themselves: nothing is shown to whom no limit is set. */
export function OwnBudgets({ organizationId, userId }: Props) {
  const budgets = useQuery(budgetsQuery(organizationId)).data ?? [];
  const own = budgets.flatMap((budget) => {
    const of = ownPart(budget, userId);
    return of ? [{ budget, of }] : [];
  });
  if (own.length === 0) return null;
  return (
    <section className="card panel" aria-labelledby="own-budgets-title" data-testid="own-budgets">
      <header className="panel-header">
        <h2 id="own-budgets-title">{text.budgets.yours}</h2>
      </header>
      <div className="own-budgets">
        {own.map(({ budget, of }) => (
          <div key={budget.id} data-testid="own-budget">
            <p className="muted">
              {text.budgets.windows[budget.window]}
              {budget.resetsAt && ` · ${text.budgets.until(dayText(budget.resetsAt.slice(0, 10)))}`}
            </p>
            <BudgetBar unit={unitOf(budget)} limit={limitOf(budget)} of={of} />
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
