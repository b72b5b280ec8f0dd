import { Suspense, useState } from "react";
import { spanText } from "../../format/dates";
import { text } from "../../text";
import type { Day } from "../../time/day";
import type { Span } from "../../time/presets";
import type { Range } from "../../time/range";
import { Icon } from "../../ui/Icon";
import { Popover } from "../../ui/Popover";
import { ahead, lazily } from "../../ui/lazily";

const loadPanel = () => import("./RangePanel");
const RangePanel = lazily(loadPanel);

interface Props {
  range: Range;
  span: Span;
  today: Day;
  onChange: (range: Range) => void;
}

export function RangePicker({ range, span, today, onChange }: Props) {
  const [open, setOpen] = useState(false);
  const dates = spanText(span.from, span.to);
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label={text.range.label}
      onIntent={() => ahead(loadPanel)}
      trigger={(props) => (
        <button
          {...props}
          className="button"
          data-testid="range-button"
          data-from={span.from}
          data-to={span.to}
        >
          <Icon name="calendar" />
          <span className="visually-hidden">{text.range.label}: </span>
          {range.kind === "preset" && <span>{text.range.presets[range.preset]}</span>}
          <span className={range.kind === "preset" ? "muted wide-only range-dates" : undefined}>{dates}</span>
        </button>
      )}
    >
      <Suspense fallback={<div className="range-panel" />}>
        <RangePanel
          range={range}
          span={span}
          today={today}
          onChoose={(chosen) => {
            setOpen(false);
            onChange(chosen);
          }}
          onCancel={() => setOpen(false)}
        />
      </Suspense>
    </Popover>
  );
}
