/** Where an entry leads: a bar, a row, a name in the legend. */
export interface Steps {
  /** Its page; null where it has none. */
  path: string | null;
  /** Narrows the page to it, or lifts that again; null where no filter says it. */
  narrow: (() => void) | null;
  narrowed: boolean;
}

export const nowhere: Steps = { path: null, narrow: null, narrowed: false };

export function leads({ path, narrow }: Steps): boolean {
  return path !== null || narrow !== null;
}

/** A page wins over a filter, unless a filter is what was asked for. */
export function take({ path, narrow }: Steps, navigate: (path: string) => void, aside = false): void {
  if (path !== null && !(aside && narrow)) navigate(path);
  else narrow?.();
}
