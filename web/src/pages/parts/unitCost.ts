import { money } from "../../format/money";
import { unitCosts } from "../../state/unitCosts";
import { text } from "../../text";

/** "$0.012 a request", "$2.10 per million tokens": as many as there are. */
export function unitCostFacts(block: Parameters<typeof unitCosts>[0]): string[] {
  const { request, million } = unitCosts(block);
  return [
    ...(request === null ? [] : [text.cards.perRequest(money(request))]),
    ...(million === null ? [] : [text.cards.perMillion(money(million))]),
  ];
}

/** The exact amount with what each cost, for whoever points at it. */
export function costHint(exact: string, block: Parameters<typeof unitCosts>[0]): string {
  return [exact, ...unitCostFacts(block)].join(" · ");
}
