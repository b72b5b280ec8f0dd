import { useQuery } from "@tanstack/react-query";
import { exactText } from "../../api/exact";
import type { Preview, PreviewQuestion } from "../../api/teams";
import { previewDirectory } from "../../api/teams";
import type { Directory } from "../../api/administration";
import { ApiError } from "../../api/request";
import { dayText, spanText } from "../../format/dates";
import { exactMoney, money } from "../../format/money";
import { signedMoney } from "../../format/signed";
import { text } from "../../text";
import { addDays, type Day } from "../../time/day";
import { explanation } from "../../ui/Failure";
import { FormDialog } from "../administration/FormDialog";

const words = text.teams.moves;

/** What the server compares at most, in months: ten years. */
const DAYS = 3650;
/** Lines that a dialog has room for. */
const LINES = 12;

interface Props {
  organizationId: string;
  change: Partial<Directory>;
  /** The days that assignments are of are of this zone, and this is today in it. */
  zone: string;
  today: Day;
  /** What else there is to say of the change. */
  about?: string;
  onClose: () => void;
  onSave: () => Promise<unknown>;
}

/** What a change moves, before it is saved. */
export function MovesDialog({ organizationId, change, zone, today, about, onClose, onSave }: Props) {
  const assignments = change.assignments ?? [];
  const first = assignments.map(({ from }) => from).sort()[0] ?? today;
  const earliest = addDays(today, 1 - DAYS);
  const from = first < earliest ? earliest : first;
  const question = { organizationId, from, to: today, timezone: zone };
  const isLater = first > today;
  const changesHands = assignments.some(({ ownerUserId }) => ownerUserId != null);
  const byTeam = usePreview(change, { ...question, groupBy: "team" }, !isLater);
  const byPerson = usePreview(change, { ...question, groupBy: "user" }, !isLater && changesHands);
  const error = byTeam.error ?? byPerson.error;
  // Who may change what they may not see the cost of saves without a look at it.
  const isRefused = error instanceof ApiError && error.status === 403;
  return (
    <FormDialog
      title={words.title}
      lead={isLater ? words.later(dayText(first)) : words.lead(spanText(from, today))}
      submit={text.administration.save}
      blocked={byTeam.isLoading || byPerson.isLoading || (error !== null && !isRefused)}
      onClose={onClose}
      onSubmit={onSave}
    >
      {about && <p>{about}</p>}
      {error && <p className={isRefused ? "muted" : "form-fault"}>{explanation(error)}</p>}
      {(byTeam.isLoading || byPerson.isLoading) && <p className="muted">{words.asking}</p>}
      {byPerson.data && <Moves title={words.byPerson} preview={byPerson.data} testId="moves-person" />}
      {byTeam.data && <Moves title={words.byTeam} preview={byTeam.data} testId="moves-team" />}
    </FormDialog>
  );
}

function usePreview(change: Partial<Directory>, question: PreviewQuestion, enabled: boolean) {
  return useQuery({
    queryKey: ["preview", question, change],
    queryFn: ({ signal }) => previewDirectory(change, question, signal),
    enabled,
    gcTime: 0,
  });
}

interface MovesProps {
  title: string;
  preview: Preview;
  testId: string;
}

function Moves({ title, preview, testId }: MovesProps) {
  const moved = preview.entries.filter(({ difference }) => difference !== 0);
  const shown = moved.slice(0, LINES);
  return (
    <section className="moves" aria-label={title} data-testid={testId}>
      <h3>{title}</h3>
      <p>{moved.length === 0 ? words.nothing : words.sum(money(preview.moved))}</p>
      {shown.length > 0 && (
        <table className="moves-table">
          <thead>
            <tr>
              <th scope="col">{title}</th>
              <th scope="col" className="number">
                {words.now}
              </th>
              <th scope="col" className="number">
                {words.then}
              </th>
              <th scope="col" className="number roomy-only">
                {words.change}
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((entry) => (
              <tr key={entry.key ?? ""} data-key={entry.key ?? ""} data-testid="moves-row">
                <th scope="row" className="truncate" title={entry.label}>
                  {entry.key === null && preview.groupBy === "team" ? text.teams.noTeam : entry.label}
                </th>
                <Cost of={entry.before} />
                <Cost of={entry.after} />
                <td className="number roomy-only">{signedMoney(entry.difference)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {moved.length > shown.length && <p className="muted">{words.more(moved.length - shown.length)}</p>}
    </section>
  );
}

function Cost({ of }: { of: { cost: number } }) {
  const exact = exactText(of, "cost");
  return (
    <td className="number" title={exactMoney(exact)} data-exact={exact}>
      {money(of.cost)}
    </td>
  );
}
