import { groupings, type Grouping } from "../../state/filters";
import type { View } from "../../state/view";
import { text } from "../../text";
import { Segmented } from "../../ui/Segmented";
import { Select } from "../../ui/Select";

interface Props {
  view: View;
  onChange: (change: Partial<View>) => void;
  /** Somebody is about to choose this. */
  onIntent: (change: Partial<View>) => void;
}

const named = (value: Grouping) => ({ value, label: text.groupings[value] });

/** One pivot, and a second one that makes pairs of the entries. */
export function GroupBy({ view, onChange, onIntent }: Props) {
  const others = groupings.filter((grouping) => grouping !== view.groupBy);
  return (
    <div className="group-by">
      <span className="muted" aria-hidden="true">
        {text.analytics.groupBy}
      </span>
      <Segmented
        label={text.analytics.groupBy}
        choices={groupings.map(named)}
        value={view.groupBy}
        onChange={(groupBy) => onChange({ groupBy })}
        onIntent={(groupBy) => onIntent({ groupBy })}
        testIdPrefix="groupby"
      />
      <Select<Grouping | "">
        label={text.analytics.thenBy}
        choices={[{ value: "", label: text.analytics.thenByNothing }, ...others.map(named)]}
        value={view.thenBy ?? ""}
        onChange={(thenBy) => onChange({ thenBy: thenBy || null })}
        testId="then-by"
      />
    </div>
  );
}
