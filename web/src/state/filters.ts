export const groupings = [
  "model",
  "project",
  "apiKey",
  "user",
  "team",
  "costCentre",
  "provider",
  "source",
  "costSource",
] as const;
export type Grouping = (typeof groupings)[number];

/** Either of the ids within one grouping, all groupings together. */
export type Filters = Readonly<Partial<Record<Grouping, readonly string[]>>>;

/** What narrows a page to calls whose cost nobody knows. */
export const UNPRICED: Filters = { costSource: ["unpriced"] };

/** The ids that say one entry: one, or with two pivots one of each. */
export type Selection = readonly (readonly [Grouping, string])[];

export function readFilters(params: URLSearchParams): Filters {
  const filters: Partial<Record<Grouping, string[]>> = {};
  for (const grouping of groupings) {
    const ids = params.getAll(grouping);
    if (ids.length > 0) filters[grouping] = [...new Set(ids)];
  }
  return filters;
}

export function writeFilters(filters: Filters, params: URLSearchParams): void {
  for (const grouping of groupings) {
    for (const id of filters[grouping] ?? []) params.append(grouping, id);
  }
}

export function hasFilters(filters: Filters): boolean {
  return groupings.some((grouping) => (filters[grouping]?.length ?? 0) > 0);
}

/** Null where an id is missing: nothing can be asked about usage that is nobody's, or about the rest. */
export function selectionOf(pivots: readonly Grouping[], keys: readonly (string | null)[]): Selection | null {
  const selection: [Grouping, string][] = [];
  for (const [i, grouping] of pivots.entries()) {
    const key = keys[i] ?? null;
    if (key === null) return null;
    selection.push([grouping, key]);
  }
  return selection;
}

export function isNarrowedTo(filters: Filters, selection: Selection): boolean {
  return selection.every(([grouping, id]) => filters[grouping]?.includes(id) ?? false);
}

/** A grouping without ids is left out, as it is in the address. */
export function withoutFilter(filters: Filters, grouping: Grouping, id: string): Filters {
  const { [grouping]: ids = [], ...others } = filters;
  const rest = ids.filter((one) => one !== id);
  return rest.length > 0 ? { ...others, [grouping]: rest } : others;
}

/** The second click on the same thing takes back the first. */
export function toggleFilter(filters: Filters, selection: Selection): Filters {
  let next = filters;
  const lifts = isNarrowedTo(filters, selection);
  for (const [grouping, id] of selection) {
    const rest = withoutFilter(next, grouping, id);
    next = lifts ? rest : { ...rest, [grouping]: [...(rest[grouping] ?? []), id] };
  }
  return next;
}
