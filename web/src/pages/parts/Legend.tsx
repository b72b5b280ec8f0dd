import type { ReactNode } from "react";
import { Link } from "wouter";
import { lookOf } from "../../charts/look";
import { Swatch } from "../../charts/Swatch";
import type { Series } from "../../charts/timeline";
import type { Look } from "../../state/colours";
import { leads, type Steps } from "../../state/steps";
import { text } from "../../text";
import { EntryTag } from "./EntryTag";
import { NarrowButton } from "./NarrowButton";
import "./legend.css";

interface Props {
  series: readonly Series[];
  hidden: ReadonlySet<string>;
  looks: ReadonlyMap<string, Look>;
  onToggle: (series: Series) => void;
  stepsOf: (series: Series) => Steps;
  /** Further entries, after the series. */
  children?: ReactNode;
}

/** The swatch switches a series off and on; its name leads to its page or narrows this one, where that can be. */
export function Legend({ series, hidden, looks, onToggle, stepsOf, children }: Props) {
  return (
    <ul className="legend" aria-label={text.chart.legend}>
      {series.map((one) => {
        const steps = stepsOf(one);
        const own = leads(steps);
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
              aria-label={own ? toggles : undefined}
              title={toggles}
              onClick={() => onToggle(one)}
              data-testid="legend-entry"
            >
              <Swatch look={lookOf(one.id, looks)} />
              {!own && name}
            </button>
            {own && <Name label={one.label} steps={steps} name={name} />}
          </li>
        );
      })}
      {children}
    </ul>
  );
}

function Name({ label, steps, name }: { label: string; steps: Steps; name: ReactNode }) {
  if (steps.path !== null) {
    return (
      <>
        <Link href={steps.path} className="legend-name" title={text.chart.open(label)} data-testid="legend-link">
          {name}
        </Link>
        {steps.narrow && <NarrowButton className="legend-narrow" label={label} steps={steps} testId="legend-filter" />}
      </>
    );
  }
  return (
    <button
      type="button"
      className="legend-name"
      aria-pressed={steps.narrowed}
      title={(steps.narrowed ? text.filters.lift : text.filters.only)(label)}
      onClick={() => steps.narrow?.()}
      data-testid="legend-filter"
    >
      {name}
    </button>
  );
}
