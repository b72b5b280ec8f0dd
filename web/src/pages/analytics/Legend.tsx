import { seriesColour } from "../../charts/seriesColour";
import type { Series } from "../../charts/timeline";
import { text } from "../../text";
import { EntryTag } from "./EntryTag";

interface Props {
  series: readonly Series[];
  hidden: ReadonlySet<string>;
  slots: ReadonlyMap<string, number>;
  onToggle: (series: Series) => void;
}

export function Legend({ series, hidden, slots, onToggle }: Props) {
  return (
    <ul className="legend" aria-label={text.chart.legend}>
      {series.map((one) => (
        <li key={one.id}>
          <button
            type="button"
            aria-pressed={!hidden.has(one.id)}
            title={(hidden.has(one.id) ? text.chart.show : text.chart.hide)(one.label)}
            onClick={() => onToggle(one)}
            data-testid="legend-entry"
          >
            <span className="swatch" style={{ background: seriesColour(one.id, one.other, slots) }} />
            <span className="truncate">{one.label}</span>
            <EntryTag note={one.note} />
          </button>
        </li>
      ))}
    </ul>
  );
}
