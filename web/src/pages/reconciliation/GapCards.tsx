import { exactText } from "../../api/exact";
import type { Reconciliation } from "../../api/reconciliation";
import { percent } from "../../format/counts";
import { exactMoney, money } from "../../format/money";
import { text } from "../../text";
import { daysInclusive } from "../../time/day";
import { FigureCard } from "../parts/FigureCard";
import { signedMoney } from "../../format/signed";

const words = text.reconciliation;

/** What they billed, what was counted, what lies between, and of how many days that is known. */
export function GapCards({ answer }: { answer: Reconciliation | null }) {
  const cost = answer?.totals.cost;
  const figure = (field: "theirs" | "ours" | "gap") => {
    if (!answer) return null;
    if (!cost) return { shown: words.unknown, exact: "", hint: words.noCosts };
    const exact = exactText(cost, field);
    return { shown: field === "gap" ? signedMoney(cost.gap) : money(cost[field]), exact, hint: exactMoney(exact) };
  };
  const all = answer ? daysInclusive(answer.from, answer.to) : 0;
  return (
    <section className="cards cards-many" aria-label={text.cards.label}>
      <FigureCard id="theirs" label={words.theirs} figure={figure("theirs")}>
        {words.theirsHint}
      </FigureCard>
      <FigureCard id="ours" label={words.ours} figure={figure("ours")}>
        {words.oursHint}
      </FigureCard>
      <FigureCard id="gap" label={words.gap} figure={figure("gap")}>
        {cost && cost.theirs > 0 ? words.ofBilled(percent(Math.abs(cost.gap) / cost.theirs)) : words.gapHint}
      </FigureCard>
      <FigureCard
        id="days"
        label={words.covered}
        figure={answer && { shown: words.ofDays(answer.costDays, all), exact: String(answer.costDays) }}
      >
        {answer && words.usageDays(answer.usageDays, all)}
      </FigureCard>
    </section>
  );
}
