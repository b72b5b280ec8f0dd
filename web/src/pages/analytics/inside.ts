import type { ActivityQuestion } from "../../api/activity";
import type { Change, ChangePart } from "../../api/change";
import type { Activity } from "../../api/types";
import type { UsageQuestion } from "../../api/usageQuestion";
import { axisLabel } from "../../format/dates";
import { signedMoney } from "../../format/signed";
import { selectionOf, type Filters, type Grouping, type Selection } from "../../state/filters";
import { seriesKeys, shownLabels } from "../../state/series";
import { text } from "../../text";
import { addDays, type Day } from "../../time/day";
import { spanFault } from "../../time/range";

const words = text.change;

type Cause = ChangePart["cause"];
type Item = ChangePart["items"][number];

/** What an entry is looked into by. */
const insides: Partial<Record<Grouping, readonly Grouping[]>> = {
  project: ["apiKey", "model"],
  user: ["project", "model"],
  team: ["project", "model"],
  costCentre: ["project", "model"],
  apiKey: ["model"],
  model: ["project"],
};

/** What tells the inside of one entry: the same days of it alone. */
export interface InsideQuestion {
  question: UsageQuestion;
  groupBy: readonly Grouping[];
}

/** Null where there is nothing to ask: a pair says enough, and of usage that is nobody's none can be asked. */
export function insideQuestion(
  question: UsageQuestion,
  pivots: readonly Grouping[],
  keys: readonly (string | null)[],
): InsideQuestion | null {
  const [only, ...further] = pivots;
  const groupBy = only && further.length === 0 ? insides[only] : undefined;
  const selection = selectionOf(pivots, keys);
  if (!groupBy || !selection) return null;
  return { question: { ...question, filters: narrowed(question.filters, selection) }, groupBy };
}

/** The page's own filters hold; of a grouping that is selected only the selected one is left. */
function narrowed(filters: Filters = {}, selection: Selection): Filters {
  return selection.reduce<Filters>((all, [grouping, id]) => ({ ...all, [grouping]: [id] }), filters);
}

/** What one cause moved of one thing inside an entry. */
export interface Inside {
  item: Item;
  cause: Cause;
}

/** The item that moved most, in the direction of all; null where all did not move. */
export function movedMostInside({ difference, parts }: Change): Inside | null {
  const direction = Math.sign(difference);
  const items = parts.flatMap(({ cause, items }) => items.map((item) => ({ item, cause })));
  const size = ({ item }: Inside) => item.cost * direction;
  const [most] = items.filter((one) => size(one) > 0).sort((a, b) => size(b) - size(a));
  return most ?? null;
}

/**
 * Which days tell since when there is something new. Between the windows it may have been there already, so those
 * days are asked with it. Null where it takes more than one question: too many days, or a half that is nobody's.
 */
export function sinceQuestion(
  { question, groupBy }: InsideQuestion,
  { before }: Change,
  { item, cause }: Inside,
): ActivityQuestion | null {
  const selection = selectionOf(groupBy, seriesKeys(item));
  if (cause !== "new" || selection === null) return null;
  const { organizationId, from, to, timezone, filters } = question;
  // The last day before may have gone on after it was cut off.
  const next = before.until ? before.to : addDays(before.to, 1);
  const first = next < from ? next : from;
  if (spanFault(first, to) !== null) return null;
  return {
    organizationId,
    from: first,
    to,
    timezone,
    groupBy: [],
    filters: narrowed(filters, selection),
    rankBy: "cost",
    granularity: "day",
    top: null,
    compare: null,
  };
}

/** The first day with usage, where it is one of the window. */
export function sinceDay({ activity }: Activity, from: Day): Day | null {
  const first = activity.find(({ requestCount, totalTokens, cost }) => requestCount > 0 || totalTokens > 0 || cost > 0);
  return first && first.date >= from ? first.date : null;
}

/** "of that judge ensemble on Claude Opus" and "+$498.10 since Jun 9", or by what cause where it is not new. */
export function insideText({ item, cause }: Inside, since: Day | null): [what: string, amount: string] {
  const [one = "", other] = shownLabels(item);
  const how = since === null ? words.by(words.causes[cause]) : words.since(axisLabel(since, "day"));
  return [words.inside(other === undefined ? one : words.on(one, other)), `${signedMoney(item.cost)} ${how}`];
}
