import { useQueries } from "@tanstack/react-query";
import type { ActivityQuestion } from "../../api/activity";
import { activityQuery } from "../../api/queries";
import { seriesLabel } from "../../state/series";
import { groupings, withoutFilter } from "../../state/filters";
import type { View } from "../../state/view";
import { text } from "../../text";
import { Chip } from "../parts/Chip";
import { rankingQuestion } from "./question";

interface Props {
  view: View;
  question: ActivityQuestion;
  onChange: (change: Partial<View>) => void;
}

/** What the page is narrowed to. The address knows ids; the answers know what people call them. */
export default function FilterChips({ view, question, onChange }: Props) {
  const used = groupings.filter((grouping) => (view.filters[grouping]?.length ?? 0) > 0);
  const answers = useQueries({
    // Without filters, for a name must not depend on whether there is usage left of what it names.
    queries: used.map((grouping) => activityQuery(rankingQuestion({ ...question, groupBy: [grouping], filters: {} }))),
  });
  const labelOf = (index: number, id: string) => {
    const entry = answers[index]?.data?.ranking.find((one) => one.key === id);
    return entry ? seriesLabel(entry) : id;
  };
  return (
    <div className="chips" role="group" aria-label={text.filters.label} data-testid="filters">
      {used.flatMap((grouping, index) =>
        (view.filters[grouping] ?? []).map((id) => (
          <Chip
            key={`${grouping} ${id}`}
            kind={text.groupings[grouping]}
            label={labelOf(index, id)}
            onRemove={() => onChange({ filters: withoutFilter(view.filters, grouping, id) })}
          />
        )),
      )}
      <button type="button" className="button button-quiet" onClick={() => onChange({ filters: {} })} data-testid="filters-clear">
        {text.filters.clear}
      </button>
    </div>
  );
}
