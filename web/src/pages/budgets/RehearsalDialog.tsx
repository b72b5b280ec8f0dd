import { useQuery } from "@tanstack/react-query";
import { rehearsalQuery, type Alert } from "../../api/alerts";
import { calendarQuery } from "../../api/queries";
import { request } from "../../api/request";
import type { Activity } from "../../api/types";
import { dayText } from "../../format/dates";
import { text } from "../../text";
import { addDays, type Day } from "../../time/day";
import { explanation } from "../../ui/Failure";
import { Overlay } from "../administration/FormDialog";
import { stripDays } from "./strip";

const words = text.alerts;
/** Long enough for three months of a budget. */
const DAYS = 92;

/** When an alert would have fired on the days that were. */
export function RehearsalDialog({ alert, zone, onClose }: { alert: Alert; zone: string; onClose: () => void }) {
  const { data: calendar } = useQuery(calendarQuery(zone));
  return (
    <Overlay title={words.rehearsalTitle(alert.id)} lead={words.rehearsalLead} onClose={onClose}>
      {calendar && <Rehearsed alert={alert} zone={zone} from={addDays(calendar.today, 1 - DAYS)} to={calendar.today} />}
    </Overlay>
  );
}

interface Props {
  alert: Alert;
  zone: string;
  from: Day;
  to: Day;
}

function Rehearsed({ alert, zone, from, to }: Props) {
  const { data: fired, error } = useQuery(rehearsalQuery(alert, from, to));
  const { organizationId } = alert;
  const costs = useQuery({
    queryKey: ["rehearsal-costs", organizationId, zone, from, to],
    queryFn: ({ signal }) => {
      const asked = new URLSearchParams({ organizationId, from, to, timezone: zone, groupBy: "none" });
      return request<Activity>(`/analytics/activity?${asked}`, { signal });
    },
    // Analytics may be no part of the plan; what would have been told is said in words.
    retry: false,
  });
  if (error) return <p role="alert">{explanation(error)}</p>;
  if (!fired) return <p className="muted" data-testid="rehearsal-busy">{text.alerts.rehearsing}</p>;
  const days = stripDays(from, to, costs.data?.activity ?? [], fired);
  return (
    <div className="rehearsal" data-testid="rehearsal">
      <div className="rehearsal-strip" aria-hidden="true">
        {days.map(({ day, height, fired }) => (
          <span key={day} className="rehearsal-day" data-fired={fired} title={dayText(day)}>
            <span style={{ height: `${height * 100}%` }} />
          </span>
        ))}
      </div>
      <p role="status">{words.fired(fired.length, dayText(from), dayText(to))}</p>
      {/* Reached by the keyboard, as it may be longer than its box. */}
      <ul className="rehearsal-list" tabIndex={0} aria-label={words.rehearsalTitle(alert.id)}>
        {fired.map(({ at, message }) => (
          <li key={`${at} ${message}`}>
            <span className="muted">{dayText(at.slice(0, 10))}</span> {message}
          </li>
        ))}
      </ul>
    </div>
  );
}
