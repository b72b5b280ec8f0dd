import { NEUTRAL, type Look } from "../state/colours";

/** As a reference to a token, so that HTML follows the theme without being drawn again. */
export function colourVariable({ slot }: Look): string {
  return slot === null ? "var(--series-other)" : `var(--series-${slot + 1})`;
}

export function lookOf(id: string, looks: ReadonlyMap<string, Look>): Look {
  return looks.get(id) ?? NEUTRAL;
}
