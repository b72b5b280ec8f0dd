/** As a reference to a token, so that HTML follows the theme without being drawn again. */
export function seriesColour(id: string, other: boolean, slots: ReadonlyMap<string, number>): string {
  const slot = slots.get(id);
  return other || slot === undefined ? "var(--series-other)" : `var(--series-${slot + 1})`;
}
