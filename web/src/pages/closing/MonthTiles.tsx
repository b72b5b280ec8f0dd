import { axisLabel, dayText } from "../../format/dates";
import type { Month } from "../../state/closingView";
import { text } from "../../text";
import { dayAt, type Calendar } from "../../time/clock";
import { Icon } from "../../ui/Icon";
import { stateOf, type MonthRow } from "./months";

const words = text.closing;

interface Props {
  rows: readonly MonthRow[];
  chosen: Month;
  calendar: Calendar;
  onChoose: (month: Month) => void;
}

/** Which months there are, and how each stands. */
export function MonthTiles({ rows, chosen, calendar, onChoose }: Props) {
  return (
    <ul className="months" aria-label={words.months}>
      {rows.map((row) => (
        <li key={row.month}>
          <button
            type="button"
            className="card month"
            aria-pressed={row.month === chosen}
            onClick={() => onChoose(row.month)}
            data-testid="month"
            data-month={row.month}
            data-state={stateOf(row)}
          >
            <span className="month-name">{axisLabel(`${row.month}-01`, "month")}</span>
            <span className="muted month-state">
              {row.closing && <Icon name="lock" size={13} />}
              {words.states[stateOf(row)]}
            </span>
            {row.closing && (
              <span className="muted truncate month-who" title={row.closing.closedBy}>
                {dayText(dayAt(row.closing.closedAt, calendar))} · {row.closing.closedBy}
              </span>
            )}
          </button>
        </li>
      ))}
    </ul>
  );
}
