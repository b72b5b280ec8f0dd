import { text } from "../text";
import type { Thing } from "./colours";

/** What names an entry of an answer: one key and label, or two of each where a question has two pivots. */
export interface Keyed {
  key?: string | null;
  label?: string | null;
  keys?: readonly (string | null)[] | null;
  labels?: readonly string[] | null;
  /** Where there is one, see the contract. */
  ordinal?: number | null;
}

/** One id for every pivot; null for what has none: the rest, and usage that is nobody's. */
export function seriesKeys(entry: Keyed): readonly (string | null)[] {
  return entry.keys ?? [entry.key ?? null];
}

function seriesLabels(entry: Keyed): readonly string[] {
  return entry.labels ?? [entry.label ?? entry.key ?? ""];
}

export const LABEL_SEPARATOR = " · ";

/** As readers see them: the server's own words for usage without an id are in English. */
export function shownLabels(entry: Keyed): readonly string[] {
  const keys = seriesKeys(entry);
  return seriesLabels(entry).map((label, i) => {
    const key = keys[i] ?? null;
    if (key === null) return text.nameless[label as keyof typeof text.nameless] ?? label;
    // A source of costs has no name but the server's.
    return key === label.toLowerCase() ? (text.costSources[label as keyof typeof text.costSources] ?? label) : label;
  });
}

export function seriesLabel(entry: Keyed): string {
  const labels = shownLabels(entry);
  return isOther(entry) ? (labels[0] ?? "") : labels.join(LABEL_SEPARATOR);
}

/** Entries without a key are told apart by their label: the server has two kinds, see the contract. */
function partId(key: string | null, label: string): string {
  return key ?? `~${label.toLowerCase()}`;
}

/** Stands for an entry in the URL, as a React key and as a colour's owner. */
export function seriesId(entry: Keyed): string {
  const labels = seriesLabels(entry);
  const ids = seriesKeys(entry).map((key, i) => partId(key, labels[i] ?? ""));
  if (ids.length === 1) return ids[0] ?? "";
  // The rest is one entry however many pivots there are.
  if (isOther(entry)) return partId(null, labels[0] ?? "");
  // Encoded ids have no space, so no two pairs read the same.
  return ids.map(encodeURIComponent).join(" ");
}

/** Only the rest is special; usage without a creator is an entry like any other, just without a page. */
export function isOther(entry: Keyed): boolean {
  return isNameless(entry) && seriesLabels(entry).every((label) => label === "Other");
}

export function isNameless(entry: Keyed): boolean {
  return seriesKeys(entry).every((key) => key === null);
}

/** Whose colour an entry has. */
export function thingOf(entry: Keyed): Thing {
  return { id: seriesId(entry), ordinal: entry.ordinal ?? null, nameless: isNameless(entry) };
}
