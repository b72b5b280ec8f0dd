/** Entries without a key are told apart by their label: the server has two kinds, see the contract. */
export interface Keyed {
  key?: string | null;
  /** Missing only where a question groups by two dimensions at once. */
  label?: string | null;
}

export function seriesLabel(entry: Keyed): string {
  return entry.label ?? entry.key ?? "";
}

/** Stands for an entry in the URL, as a React key and as a colour's owner. */
export function seriesId(entry: Keyed): string {
  return entry.key ?? `~${seriesLabel(entry).toLowerCase()}`;
}

/** Only the rest is special; usage without a creator is an entry like any other, just without a page. */
export function isOther(entry: Keyed): boolean {
  return (entry.key ?? null) === null && entry.label === "Other";
}

export function isNameless(entry: Keyed): boolean {
  return (entry.key ?? null) === null;
}
