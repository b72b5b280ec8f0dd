import { spanText } from "../../format/dates";
import { text } from "../../text";
import type { Span } from "../../time/presets";

export interface Comparison {
  span: Span;
  wanted: boolean;
  onToggle: () => void;
}

interface Props {
  comparison: Comparison;
  /** Why it cannot be drawn at the moment. */
  hindrance: string | null;
}

/** The window before, at the end of the legend: a click takes its line off the chart and puts it back. */
export function BeforeEntry({ comparison: { span, wanted, onToggle }, hindrance }: Props) {
  const shown = wanted && hindrance === null;
  return (
    <li data-off={!shown}>
      <button
        type="button"
        aria-pressed={shown}
        // Not `disabled`: whoever comes upon it should be able to read why.
        aria-disabled={hindrance !== null}
        title={hindrance ?? (wanted ? text.chart.beforeHide : text.chart.beforeShow)}
        onClick={() => hindrance === null && onToggle()}
        data-testid="before-toggle"
      >
        <span className="swatch-dashed" />
        <span className="truncate">{text.chart.beforeSpan(spanText(span.from, span.to))}</span>
      </button>
    </li>
  );
}
