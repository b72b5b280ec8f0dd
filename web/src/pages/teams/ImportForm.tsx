import { useId } from "react";
import type { Directory } from "../../api/administration";
import { readAssignments } from "../../api/teams";
import { text } from "../../text";
import { FormDialog } from "../administration/FormDialog";

const words = text.teams.import;

interface Props {
  organizationId: string;
  onClose: () => void;
  /** Gets what the table means. It has yet to be seen what that moves. */
  onShow: (change: Partial<Directory>) => void;
}

/** A table as accounts keep it. */
export function ImportForm({ organizationId, onClose, onShow }: Props) {
  const id = useId();
  const submit = async (values: FormData) => {
    const { teams, assignments } = await readAssignments(
      organizationId,
      values.get("file") as File,
      values.get("newTeams") !== null,
    );
    onShow({ teams, assignments });
  };
  return (
    <FormDialog title={words.title} lead={words.lead} submit={text.teams.assignments.show} onClose={onClose} onSubmit={submit}>
      <div className="form-field">
        <label htmlFor={id}>{words.file}</label>
        <input id={id} className="field" type="file" name="file" accept=".csv,.txt,.tsv,text/csv" required data-testid="field-file" />
      </div>
      <label className="form-check">
        <input type="checkbox" name="newTeams" data-testid="field-newTeams" />
        {words.newTeams}
      </label>
    </FormDialog>
  );
}
