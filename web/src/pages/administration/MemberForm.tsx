import { useState } from "react";
import { changeDirectory, type Directory, type MemberEntry, type Role, type User } from "../../api/administration";
import { text } from "../../text";
import { Field, filled, typed } from "./Field";
import { FormDialog } from "./FormDialog";
import { userOf } from "./names";
import { ProjectAccess, RoleField } from "./RoleField";

const words = text.administration.member;

interface Change {
  user: User;
  member: MemberEntry;
}

export function saveMember({ user, member }: Change): Promise<unknown> {
  return changeDirectory({ users: [user], members: [member] });
}

interface Props {
  organizationId: string;
  directory: Directory;
  /** Null for one who is to be added. */
  member: MemberEntry | null;
  onClose: () => void;
  onSave: (change: Change) => Promise<void>;
}

export function MemberForm({ organizationId, directory, member, onClose, onSave }: Props) {
  const [role, setRole] = useState<Role>(member?.role ?? "developer");
  const user = member && userOf(directory, member.userId);

  const submit = (values: FormData) => {
    const userId = member?.userId ?? filled(values, "userId");
    const projectIds = values.get("access") === "all" ? null : (values.getAll("projectId") as string[]);
    return onSave({
      user: { id: userId, name: typed(values, "name"), email: typed(values, "email") },
      member: {
        organizationId,
        userId,
        role,
        // Whoever has left stays so: bringing back is a step of its own.
        status: member?.status,
        // Owners and admins see every project; what they saw as developers is kept for when they are again.
        ...(role === "developer" ? { projectIds } : {}),
      },
    });
  };

  return (
    <FormDialog
      title={member ? words.editTitle : words.add}
      submit={member ? text.administration.save : text.administration.add}
      onClose={onClose}
      onSubmit={submit}
    >
      {member === null && <Field name="userId" label={words.userId} hint={words.userIdHint} required />}
      <Field name="name" label={text.administration.name} value={user?.name} />
      <Field name="email" type="email" label={words.email} value={user?.email} />
      <RoleField value={role} onChange={setRole} />
      {role === "developer" && <ProjectAccess directory={directory} chosen={member?.projectIds ?? null} />}
    </FormDialog>
  );
}
