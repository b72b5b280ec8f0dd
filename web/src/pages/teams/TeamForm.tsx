import type { Team } from "../../api/teams";
import { text } from "../../text";
import { Field, filled, typed } from "../administration/Field";
import { FormDialog } from "../administration/FormDialog";
import { teamName } from "./names";

const words = text.teams;

interface Props {
  /** Null for one that is to be added. */
  team: Team | null;
  onClose: () => void;
  onSave: (team: Omit<Team, "organizationId">) => Promise<void>;
}

export function TeamForm({ team, onClose, onSave }: Props) {
  const submit = (values: FormData) =>
    onSave({
      id: team?.id ?? filled(values, "id"),
      name: typed(values, "name"),
      // Emptied, it is taken out.
      costCentre: typed(values, "costCentre"),
    });
  return (
    <FormDialog
      title={team ? words.editTitle(teamName(team)) : words.addTitle}
      submit={team ? text.administration.save : text.administration.add}
      onClose={onClose}
      onSubmit={submit}
    >
      {team === null && <Field name="id" label={text.administration.id} hint={words.idHint} required />}
      <Field name="name" label={text.administration.name} value={team?.name} />
      <Field name="costCentre" label={words.costCentre} hint={words.costCentreHint} value={team?.costCentre} required={false} />
    </FormDialog>
  );
}
