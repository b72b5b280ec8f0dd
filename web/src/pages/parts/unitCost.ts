import { money } from "../../format/money";
import { unitCosts } from "../../state/unitCosts";
import { text } from "../../text";

type Block = Parameters<typeof unitCosts>[0];

/** "$0.012 a request", unless there is none with a price. */
export function costOfRequest(block: Block): string | null {
  const { request } = unitCosts(block);
  return request === null ? null : text.cards.perRequest(money(request));
}

/** "$2.10 per million tokens", likewise. */
export function costOfMillion(block: Block): string | null {
  const { million } = unitCosts(block);
  return million === null ? null : text.cards.perMillion(money(million));
}

/** Both: as many as there are. */
export function unitCostFacts(block: Block): string[] {
  return [costOfRequest(block) ?? [], costOfMillion(block) ?? []].flat();
}

/** The exact amount with what each cost, for whoever points at it. */
export function costHint(exact: string, block: Block): string {
  return [exact, ...unitCostFacts(block)].join(" · ");
}
