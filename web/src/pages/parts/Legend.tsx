import { Link } from "wouter";
import { seriesColour } from "../../charts/seriesColour";
import type { Series } from "../../charts/timeline";
import { text } from "../../text";
import { EntryTag } from "./EntryTag";

interface Props {
  series: readonly Series[];
  hidden: ReadonlySet<string>;
  slots: ReadonlyMap<string, number>;
  onToggle: (series: Series) => void;
  /** The page of a series; null where there is none. */
  pathOf: (series: Series) => string | null;
}

/** The swatch switches a series off and on; its name leads to its page, where it has one. */
export function Legend({ series, hidden, slots, onToggle, pathOf }: Props) {
  return (
    <ul className="legend" aria-label={text.chart.legend}>
      {series.map((one) => {
        const path = pathOf(one);
        const toggles = (hidden.has(one.id) ? text.chart.show : text.chart.hide)(one.label);
        const name = (
          <>
            <span className="truncate">{one.label}</span>
            <EntryTag note={one.note} />
          </>
        );
        return (
          <li key={one.id} data-off={hidden.has(one.id)}>
            <button
              type="button"
              aria-pressed={!hidden.has(one.id)}
              aria-label={path ? toggles : undefined}
              title={toggles}
              onClick={() => onToggle(one)}
              data-testid="legend-entry"
            >
              <span className="swatch" style={{ "--colour": seriesColour(one.id, one.other, slots) } as object} />
              {!path && name}
            </button>
            {path && (
              <Link href={path} className="legend-link" title={text.chart.open(one.label)} data-testid="legend-link">
                {name}
              </Link>
            )}
          </li>
        );
      })}
    </ul>
  );
}
