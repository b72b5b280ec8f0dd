export const SLOTS = 10;

/** FNV-1a: short, spreads well over few slots, and the same in every browser. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value ^= text.charCodeAt(i);
    value = Math.imul(value, 0x01000193);
  }
  return value >>> 0;
}

/**
 * Gives each id (largest first) a palette slot. An id keeps the slot it was `remembered` with; others take
 * their hash's slot, or the next free one along their own step, so that a series looks the same on every page.
 * With more ids than slots, the small ones share.
 */
export function assignSlots(
  ids: readonly string[],
  remembered: ReadonlyMap<string, number>,
): Map<string, number> {
  const slots = new Map<string, number>();
  const taken = new Set<number>();
  for (const id of ids) {
    const slot = remembered.get(id);
    if (slot === undefined || taken.has(slot)) continue;
    slots.set(id, slot);
    taken.add(slot);
  }
  for (const id of ids) {
    if (slots.has(id)) continue;
    const h = hash(id);
    // Steps that share no factor with ten visit every slot.
    const step = [1, 3, 7, 9][(h >>> 8) % 4] ?? 1;
    let slot = h % SLOTS;
    for (let tries = 0; tries < SLOTS && taken.has(slot); tries++) slot = (slot + step) % SLOTS;
    slots.set(id, slot);
    taken.add(slot);
  }
  return slots;
}
