import { spanText } from "../../format/dates";
import type { TimeWindow } from "../../state/timeWindow";
import { text } from "../../text";
import type { Span } from "../../time/presets";
import { Notice } from "../../ui/Notice";

interface Props {
  /** Whose usage was asked for; left out where it is everybody's. */
  whose?: string;
  span: Span;
  onChange: (change: Partial<TimeWindow>) => void;
}

export function NoUsage({ whose, span, onChange }: Props) {
  return (
    <Notice
      icon="inbox"
      title={text.empty.title}
      actions={
        <button
          type="button"
          className="button"
          onClick={() => onChange({ range: { kind: "preset", preset: "last-365-days" } })}
        >
          {text.empty.look}
        </button>
      }
    >
      <p>
        {whose === undefined
          ? text.empty.lead(spanText(span.from, span.to))
          : text.empty.none(whose, spanText(span.from, span.to))}
      </p>
    </Notice>
  );
}
