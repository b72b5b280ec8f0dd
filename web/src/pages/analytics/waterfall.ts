import type { Change, ChangePart } from "../../api/change";
import { LABEL_SEPARATOR, seriesId, seriesKeys, shownLabels } from "../../state/series";

export type Cause = ChangePart["cause"];

/** A bar of the waterfall: from where to where it reaches, as parts of the widest. */
export interface Bar {
  name: "before" | Cause | "after";
  amount: number;
  start: number;
  end: number;
}

/** What was spent before, what each cause added or took, and what that makes. */
export function waterfall({ before, after, parts }: Change): Bar[] {
  let at = before.cost;
  const steps = parts.map(({ cause, cost }) => {
    const from = at;
    at += cost;
    return { name: cause, amount: cost, from, to: at };
  });
  const reached = [0, before.cost, after.cost, ...steps.map(({ to }) => to)];
  const [least, most] = [Math.min(...reached), Math.max(...reached)];
  const place = (value: number) => (most === least ? 0 : (value - least) / (most - least));
  const bar = (name: Bar["name"], amount: number, from: number, to: number): Bar => ({
    name,
    amount,
    start: place(Math.min(from, to)),
    end: place(Math.max(from, to)),
  });
  return [
    bar("before", before.cost, 0, before.cost),
    ...steps.map(({ name, amount, from, to }) => bar(name, amount, from, to)),
    bar("after", after.cost, 0, after.cost),
  ];
}

/** What became of one entry, and the cause that moved most of it. */
export interface Moved {
  id: string;
  keys: readonly (string | null)[];
  label: string;
  amount: number;
  cause: Cause;
  /** What that cause moved; null when it is all. */
  ofThat: number | null;
}

/** The entries that moved most. */
export function movedMost({ parts }: Change, most: number): Moved[] {
  type Entry = Pick<Moved, "id" | "keys" | "label"> & { causes: { cause: Cause; cost: number }[] };
  const entries = new Map<string, Entry>();
  for (const { cause, items } of parts) {
    for (const item of items) {
      const id = seriesId(item);
      const label = shownLabels(item).join(LABEL_SEPARATOR);
      const entry = entries.get(id) ?? { id, keys: seriesKeys(item), label, causes: [] };
      entry.causes.push({ cause, cost: item.cost });
      entries.set(id, entry);
    }
  }
  return [...entries.values()]
    .flatMap(({ causes, ...entry }) => {
      const amount = causes.reduce((sum, { cost }) => sum + cost, 0);
      const [largest] = causes.toSorted((a, b) => Math.abs(b.cost) - Math.abs(a.cost));
      if (!largest) return [];
      return [{ ...entry, amount, cause: largest.cause, ofThat: causes.length > 1 ? largest.cost : null }];
    })
    .sort((a, b) => Math.abs(b.amount) - Math.abs(a.amount))
    .slice(0, most);
}
