import { useState } from "react";
import type { Directory } from "../../api/administration";
import type { Assignment } from "../../api/teams";
import { text } from "../../text";
import type { Day } from "../../time/day";
import { ChoiceField, Field, filled, typed } from "../administration/Field";
import { FormDialog } from "../administration/FormDialog";
import { inOrder, keyName, nameOf, userName, userOf } from "../administration/names";
import { asSubject, subjectKinds, type Subject, type SubjectKind } from "./courses";
import { subjectName, teamName } from "./names";

const words = text.teams.assignments;

interface Props {
  organizationId: string;
  directory: Directory;
  /** What is assigned, where that is settled. */
  of: Subject | null;
  /** What it was assigned to before. */
  what: "team" | "owner";
  today: Day;
  onClose: () => void;
  /** Gets what is to be said. It has yet to be seen what that moves. */
  onShow: (assignment: Assignment) => void;
}

export function AssignmentForm({ organizationId, directory, of, what, today, onClose, onShow }: Props) {
  const [kind, setKind] = useState<SubjectKind>(of?.kind ?? "apiKey");
  const [to, setTo] = useState(what);
  // Only keys change hands.
  const toOwner = kind === "apiKey" && to === "owner";
  const submit = async (values: FormData) => {
    const id = filled(values, "target");
    onShow({
      organizationId,
      subject: asSubject(of ?? { kind, id: filled(values, "subject") }),
      ...(toOwner ? { ownerUserId: id } : { teamId: id === "" ? null : id }),
      from: filled(values, "from"),
      to: typed(values, "to"),
    });
  };
  const subjects = subjectChoices(directory, kind);
  const targets = toOwner ? peopleChoices(directory) : teamChoices(directory);
  return (
    <FormDialog
      title={of ? words.change(subjectName(directory, of)) : words.add}
      submit={words.show}
      blocked={(of === null && subjects.length === 0) || targets.length === 0}
      onClose={onClose}
      onSubmit={submit}
    >
      {of === null && (
        <>
          <ChoiceField
            name="kind"
            label={words.kind}
            choices={subjectKinds.map((value) => ({ value, label: text.teams.kinds[value] }))}
            value={kind}
            onChange={setKind}
          />
          <ChoiceField key={kind} name="subject" label={words.subjectOf[kind]} choices={subjects} value={subjects[0]?.value ?? ""} />
        </>
      )}
      {kind === "apiKey" && (
        <ChoiceField
          name="what"
          label={words.to}
          choices={(["team", "owner"] as const).map((value) => ({ value, label: words.toWhat[value] }))}
          value={to}
          onChange={setTo}
        />
      )}
      <ChoiceField
        key={String(toOwner)}
        name="target"
        label={toOwner ? words.owner : words.team}
        choices={targets}
        value={targets[0]?.value ?? ""}
      />
      <Field name="from" type="date" label={words.from} hint={words.fromHint} value={today} required />
      <Field name="to" type="date" label={words.until} hint={words.untilHint} />
    </FormDialog>
  );
}

/** A name, with the id where it is another. */
const choice = (id: string, name: string) => ({ value: id, label: name === id ? id : `${name} (${id})` });

function subjectChoices(directory: Directory, kind: SubjectKind) {
  if (kind === "user") return peopleChoices(directory);
  if (kind === "project") return inOrder(directory.projects, nameOf).map((one) => choice(one.id, nameOf(one)));
  return inOrder(directory.apiKeys, keyName).map((one) => choice(one.id, keyName(one)));
}

/** Everybody but those who are another id of somebody. */
function peopleChoices(directory: Directory) {
  const others = new Set(directory.identities.map(({ userId }) => userId));
  const people = directory.members.filter(({ userId }) => !others.has(userId));
  const name = ({ userId }: { userId: string }) => userName(userOf(directory, userId));
  return inOrder(people, name).map((one) => choice(one.userId, name(one)));
}

function teamChoices(directory: Directory) {
  const teams = directory.teams.filter(({ status }) => status !== "deleted");
  return [...inOrder(teams, teamName).map((one) => choice(one.id, teamName(one))), { value: "", label: text.teams.noTeam }];
}
