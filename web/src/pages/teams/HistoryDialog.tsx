import type { Directory } from "../../api/administration";
import type { Assignment } from "../../api/teams";
import { text } from "../../text";
import type { Day } from "../../time/day";
import { Overlay } from "../administration/FormDialog";
import { holding, type Course } from "./courses";
import { spanOf, subjectName, targetName } from "./names";

const words = text.teams.assignments;

interface Props {
  directory: Directory;
  course: Course;
  today: Day;
  onClose: () => void;
  onTakeOut: (said: Assignment) => void;
}

/** All that was said of one thing, the last first. */
export function HistoryDialog({ directory, course, today, onClose, onTakeOut }: Props) {
  const holds = holding(course, today);
  return (
    <Overlay title={words.historyOf(subjectName(directory, course.subject))} lead={words.historyLead} onClose={onClose}>
      <ul className="history" data-testid="history">
        {course.said.toReversed().map((said) => {
          const name = targetName(directory, said);
          return (
            <li key={said.from} className="history-entry" data-testid="history-entry">
              <span className="list-name">
                <span className="list-name-line">
                  <span className="truncate" title={name}>
                    {name}
                  </span>
                  {said === holds && <span className="tag">{words.holds}</span>}
                </span>
                <span className="muted list-second">{spanOf(said)}</span>
              </span>
              <button
                type="button"
                className="button"
                onClick={() => onTakeOut(said)}
                aria-label={words.takeOutOf(`${name}, ${spanOf(said)}`)}
                data-testid="take-out"
              >
                {words.takeOut}
              </button>
            </li>
          );
        })}
      </ul>
    </Overlay>
  );
}
