import type { ActivityQuestion } from "../../api/activity";
import { chartQuery } from "../../api/queries";
import { pivotsOf, type View } from "../../state/view";
import { spanBefore } from "../../time/before";
import { granularityFor } from "../../time/buckets";
import type { Day } from "../../time/day";
import { resolveRange } from "../../time/range";

/** Nine and the rest fill the palette of ten, and more bands than that cannot be told apart. */
const LARGEST = 9;

/** What the page asks for its chart. */
export function charted(organizationId: string, view: View, today: Day) {
  const question = chartQuestion(organizationId, view, today);
  return { question, query: chartQuery(question, view.compare ? beforeQuestion(question) : null) };
}

function chartQuestion(organizationId: string, view: View, today: Day): ActivityQuestion {
  const span = resolveRange(view.range, today);
  return {
    organizationId,
    ...span,
    timezone: view.zone,
    groupBy: pivotsOf(view),
    filters: view.filters,
    rankBy: view.metric,
    granularity: granularityFor(span, view.per),
    top: LARGEST,
    compare: spanBefore(span, view.comparedWith, view.range, today),
    errors: view.metric === "requests",
  };
}

/** Weeks and months of the window before begin elsewhere; its days can be laid onto any bucket. */
function beforeQuestion(question: ActivityQuestion): ActivityQuestion {
  return {
    ...question,
    ...question.compare,
    groupBy: [],
    rankBy: "cost",
    granularity: question.granularity === "hour" ? "hour" : "day",
    top: null,
    compare: null,
    errors: false,
  };
}

/** The whole ranking needs no fine days, so the coarsest ones keep its answer small. */
export function rankingQuestion(question: ActivityQuestion): ActivityQuestion {
  return { ...question, granularity: "month", top: null, errors: false };
}

/** A file is for working with: every entry is in it, not the largest and a rest. */
export function downloadQuestion(question: ActivityQuestion): ActivityQuestion {
  return { ...question, top: null, compare: null, errors: false };
}
