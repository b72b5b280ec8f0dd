export interface Findable {
  label: string;
  /** What else it is known by: an id, an e-mail address, a project. */
  also?: readonly (string | null | undefined)[];
}

/** Accents and case must not decide whether somebody finds a name. */
function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/**
 * Those in which every word of the query stands somewhere: first where the label begins with the query, then where
 * one of its words does, then the others; in their own order within each.
 */
export function find<Item extends Findable>(items: readonly Item[], query: string, most: number): Item[] {
  const wanted = fold(query.trim());
  const words = wanted.split(/\s+/);
  const found: Item[][] = [[], [], []];
  for (const item of items) {
    const label = fold(item.label);
    const whole = [label, ...(item.also ?? []).map((one) => fold(one ?? ""))].join("\n");
    if (!words.every((word) => whole.includes(word))) continue;
    const rank = label.startsWith(wanted) ? 0 : label.split(/[\s/·_-]+/).some((word) => word.startsWith(wanted)) ? 1 : 2;
    found[rank]?.push(item);
  }
  return found.flat().slice(0, most);
}
