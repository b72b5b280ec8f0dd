/** Colours there are, and ways to fill a shape with one: plain, and three that tell things of one colour apart. */
export const SLOTS = 10;
const PATTERNS = 4;

/** What a colour belongs to. */
export interface Thing {
  /** Of the entry: a model, a project, a key. */
  id: string;
  /** Its place among all of its kind, in the order in which the server first saw them; null where it has none. */
  ordinal: number | null;
  /** The rest, and usage that is nobody's. */
  nameless: boolean;
}

export interface Look {
  /** Null is neutral. */
  slot: number | null;
  pattern: number;
}

export const NEUTRAL: Look = { slot: null, pattern: 0 };

/** FNV-1a: short, spreads well over few slots, and the same in every browser. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value ^= text.charCodeAt(i);
    value = Math.imul(value, 0x01000193);
  }
  return value >>> 0;
}

/** A pair has no place of its own, so it goes by what it is called. */
function slotOf({ id, ordinal, nameless }: Thing): number | null {
  if (nameless) return null;
  return (ordinal === null ? hash(id) : ordinal - 1) % SLOTS;
}

function firstSeenFirst(a: Thing, b: Thing): number {
  return (a.ordinal ?? Infinity) - (b.ordinal ?? Infinity) || (a.id < b.id ? -1 : Number(a.id > b.id)) || 0;
}

/**
 * The looks of things that are shown together. A thing has one colour wherever it is shown, so what has the same is told
 * apart by how it is filled: first what was seen first, whatever its rank. Those of the first group come before others.
 */
export function looksOf(...groups: readonly (readonly Thing[])[]): ReadonlyMap<string, Look> {
  const looks = new Map<string, Look>();
  const used = new Map<number | null, number>();
  for (const things of groups) {
    for (const thing of [...things].sort(firstSeenFirst)) {
      if (looks.has(thing.id)) continue;
      const slot = slotOf(thing);
      const before = used.get(slot) ?? 0;
      used.set(slot, before + 1);
      looks.set(thing.id, { slot, pattern: before % PATTERNS });
    }
  }
  return looks;
}
