import { text } from "../../text";
import { filled } from "./Field";
import { FormDialog } from "./FormDialog";
import { OrganizationFields, saveOrganization } from "./OrganizationForm";
import { useChange } from "./queries";

interface Props {
  onClose: () => void;
  onDone: (organizationId: string) => void;
}

export function NewOrganization({ onClose, onDone }: Props) {
  const save = useChange((values: FormData) => saveOrganization(filled(values, "id"), values));
  return (
    <FormDialog
      title={text.administration.organization.add}
      submit={text.administration.add}
      onClose={onClose}
      onSubmit={async (values) => {
        await save.mutateAsync(values);
        onDone(filled(values, "id"));
      }}
    >
      <OrganizationFields organization={null} />
    </FormDialog>
  );
}
