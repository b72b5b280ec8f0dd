import { useState, type FormEvent } from "react";
import { DayPicker, type DateRange } from "react-day-picker";
import { locale } from "../../format/locale";
import { text } from "../../text";
import { daysInclusive, fromCalendarDate, isDay, toCalendarDate, type Day } from "../../time/day";
import { presetGroups, type Span } from "../../time/presets";
import { spanFault, type Range } from "../../time/range";
import { Icon } from "../../ui/Icon";
import { useMedia } from "../../ui/useMedia";
import "./range-panel.css";

interface Props {
  range: Range;
  span: Span;
  today: Day;
  onChoose: (range: Range) => void;
  onCancel: () => void;
}

const caption = new Intl.DateTimeFormat(locale, { month: "long", year: "numeric" });
const weekdayShort = new Intl.DateTimeFormat(locale, { weekday: "short" });
const weekdayLong = new Intl.DateTimeFormat(locale, { weekday: "long" });
const dayLong = new Intl.DateTimeFormat(locale, { dateStyle: "full" });

export default function RangePanel({ range, span, today, onChoose, onCancel }: Props) {
  const wide = useMedia("(min-width: 720px)");
  const [from, setFrom] = useState(span.from);
  const [to, setTo] = useState(span.to);
  /** Set while one end is chosen and the calendar waits for the other. */
  const [anchor, setAnchor] = useState<Day | null>(null);
  const [month, setMonth] = useState(() => firstShown(span.to, wide));

  const pick = (day: Day) => {
    if (anchor === null) {
      setAnchor(day);
      setFrom(day);
      setTo(day);
      return;
    }
    setAnchor(null);
    setFrom(day < anchor ? day : anchor);
    setTo(day < anchor ? anchor : day);
  };

  const type = (end: "from" | "to", value: string) => {
    setAnchor(null);
    (end === "from" ? setFrom : setTo)(value);
    if (isDay(value)) setMonth(end === "from" ? toCalendarDate(value) : firstShown(value, wide));
  };

  const fault = spanFault(from, to);
  const apply = (event: FormEvent) => {
    event.preventDefault();
    if (fault === null) onChoose({ kind: "custom", from, to });
  };

  const selected: DateRange | undefined =
    isDay(from) && isDay(to) && from <= to
      ? { from: toCalendarDate(from), to: toCalendarDate(to) }
      : undefined;

  return (
    <form className="range-panel" onSubmit={apply} noValidate>
      <div className="range-presets">
        {presetGroups.map((group, i) => (
          <ul key={i}>
            {group.map((preset) => (
              <li key={preset}>
                <button
                  type="button"
                  className="menu-item"
                  aria-pressed={range.kind === "preset" && range.preset === preset}
                  onClick={() => onChoose({ kind: "preset", preset })}
                  data-testid={`range-preset-${preset}`}
                >
                  {text.range.presets[preset]}
                </button>
              </li>
            ))}
          </ul>
        ))}
      </div>
      <div className="range-custom">
        <div className="range-fields">
          <label>
            <span>{text.range.from}</span>
            <input
              className="field"
              value={from}
              inputMode="numeric"
              placeholder="2026-06-01"
              autoComplete="off"
              aria-invalid={fault !== null && anchor === null}
              aria-describedby="range-message"
              onChange={(event) => type("from", event.target.value.trim())}
              data-testid="range-from"
            />
          </label>
          <label>
            <span>{text.range.to}</span>
            <input
              className="field"
              value={to}
              inputMode="numeric"
              placeholder="2026-06-30"
              autoComplete="off"
              aria-invalid={fault !== null && anchor === null}
              aria-describedby="range-message"
              onChange={(event) => type("to", event.target.value.trim())}
              data-testid="range-to"
            />
          </label>
        </div>
        <DayPicker
          mode="range"
          selected={selected}
          onDayClick={(date) => pick(fromCalendarDate(date))}
          month={month}
          onMonthChange={setMonth}
          numberOfMonths={wide ? 2 : 1}
          weekStartsOn={1}
          fixedWeeks
          today={toCalendarDate(today)}
          disabled={{ after: toCalendarDate(today) }}
          endMonth={toCalendarDate(today)}
          formatters={{
            formatCaption: (date) => caption.format(date),
            formatWeekdayName: (date) => weekdayShort.format(date),
          }}
          labels={{
            labelPrevious: () => text.range.previousMonth,
            labelNext: () => text.range.nextMonth,
            labelWeekday: (date) => weekdayLong.format(date),
            labelDayButton: (date) => dayLong.format(date),
          }}
          components={{
            Chevron: ({ orientation }) => (
              <Icon name={orientation === "left" ? "chevronLeft" : "chevronRight"} size={18} />
            ),
          }}
        />
        <div className="range-foot">
          <p id="range-message" role="status" className={fault && !anchor ? "range-fault" : "muted"}>
            {fault
              ? text.range.faults[fault]
              : anchor
                ? text.range.pickEnd
                : text.range.days(daysInclusive(from, to))}
          </p>
          <button type="button" className="button" onClick={onCancel}>
            {text.range.cancel}
          </button>
          <button
            type="submit"
            className="button button-primary"
            disabled={fault !== null}
            data-testid="range-apply"
          >
            {text.range.apply}
          </button>
        </div>
      </div>
    </form>
  );
}

/** The month of the end on the right-hand side, where the eye is when a range ends today. */
function firstShown(end: Day, wide: boolean): Date {
  const date = toCalendarDate(end);
  date.setDate(1);
  if (wide) date.setMonth(date.getMonth() - 1);
  return date;
}
