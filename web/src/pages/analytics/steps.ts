import { groupings, isNarrowedTo, selectionOf, toggleFilter, type Filters, type Grouping } from "../../state/filters";
import { nowhere, type Steps } from "../../state/steps";
import type { View } from "../../state/view";
import { entryPath } from "../routes";

/** The pivots of an answer, which while the next one is on its way are not yet those of the address. */
export function answeredPivots(groupBy: string): Grouping[] {
  return groupBy.split(",").flatMap((name) => groupings.find((one) => one === name) ?? []);
}

export interface EntrySteps {
  of: (entry: { keys: readonly (string | null)[]; other: boolean }) => Steps;
  /** Of one half of a pair. */
  ofPivot: (pivot: number, key: string | null) => Steps;
}

/** What clicks on the entries of an answer do. A pair has no page, it narrows to both of its halves. */
export function entrySteps(
  organizationId: string,
  pivots: readonly Grouping[],
  view: View,
  narrowTo: (filters: Filters) => void,
): EntrySteps {
  const steps = (groups: readonly Grouping[], keys: readonly (string | null)[]): Steps => {
    const selection = selectionOf(groups, keys);
    const [only, ...further] = groups;
    return {
      path: only && further.length === 0 ? entryPath(organizationId, only, keys[0] ?? null, view) : null,
      narrow: selection && (() => narrowTo(toggleFilter(view.filters, selection))),
      narrowed: selection !== null && isNarrowedTo(view.filters, selection),
    };
  };
  return {
    of: ({ keys, other }) => (other ? nowhere : steps(pivots, keys)),
    ofPivot: (pivot, key) => steps(pivots.slice(pivot, pivot + 1), [key]),
  };
}
