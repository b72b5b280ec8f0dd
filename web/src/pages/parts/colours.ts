import { assignSlots } from "../../state/colours";

const remembered = new Map<string, Map<string, number>>();

/** Within one visit a series keeps its colour through every range and page; `scope` is what its id is unique in. */
export function slotsFor(scope: string, ids: readonly string[]): Map<string, number> {
  const known = remembered.get(scope) ?? new Map<string, number>();
  const slots = assignSlots(ids, known);
  for (const [id, slot] of slots) if (!known.has(id)) known.set(id, slot);
  remembered.set(scope, known);
  return slots;
}
