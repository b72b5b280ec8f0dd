import type { Directory, KeyEntry } from "../../api/administration";
import { text } from "../../text";
import { ChoiceField, Field, filled, typed } from "./Field";
import { FormDialog } from "./FormDialog";
import { inOrder, nameOf, projectName, userName, userOf } from "./names";

const words = text.administration.key;

interface Props {
  directory: Directory;
  /** Null for one that is to be added. */
  apiKey: KeyEntry | null;
  onClose: () => void;
  onSave: (apiKey: KeyEntry) => Promise<void>;
}

export function ApiKeyForm({ directory, apiKey, onClose, onSave }: Props) {
  const projects = inOrder(directory.projects, nameOf).map((one) => ({ value: one.id, label: nameOf(one) }));
  const people = inOrder(directory.members, (member) => userName(userOf(directory, member.userId)));
  const submit = (values: FormData) =>
    onSave({
      id: apiKey?.id ?? filled(values, "id"),
      projectId: apiKey?.projectId ?? filled(values, "projectId"),
      description: typed(values, "description"),
      createdBy: apiKey?.createdBy ?? typed(values, "createdBy"),
    });
  return (
    <FormDialog
      title={apiKey ? words.editTitle : words.add}
      submit={apiKey ? text.administration.save : text.administration.add}
      onClose={onClose}
      onSubmit={submit}
    >
      {apiKey === null && (
        <Field name="id" label={text.administration.id} hint={text.administration.idHint} required />
      )}
      <Field name="description" label={words.description} value={apiKey?.description} />
      {apiKey ? (
        <Fixed label={text.keys.project} value={projectName(directory, apiKey.projectId)} />
      ) : projects[0] ? (
        <ChoiceField name="projectId" label={text.keys.project} choices={projects} value={projects[0].value} />
      ) : (
        <Field name="projectId" label={text.keys.project} required />
      )}
      {apiKey?.createdBy ? (
        <Fixed
          label={text.keys.creator}
          value={userName(userOf(directory, apiKey.createdBy))}
          hint={words.creatorStays}
        />
      ) : (
        <ChoiceField
          name="createdBy"
          label={text.keys.creator}
          hint={words.creatorHint}
          choices={[
            { value: "", label: words.nobody },
            ...people.map(({ userId }) => ({ value: userId, label: userName(userOf(directory, userId)) })),
          ]}
          value=""
        />
      )}
    </FormDialog>
  );
}

/** What cannot be changed, as it is. */
function Fixed({ label, value, hint }: { label: string; value: string; hint?: string }) {
  return (
    <dl className="form-field form-fixed">
      <dt>{label}</dt>
      <dd>{value}</dd>
      {hint && <dd className="muted form-hint">{hint}</dd>}
    </dl>
  );
}
