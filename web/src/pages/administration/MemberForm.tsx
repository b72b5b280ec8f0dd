import { useState } from "react";
import { changeDirectory, type Directory, type MemberEntry, type Role, type User } from "../../api/administration";
import { text } from "../../text";
import { roleName } from "../members/columns";
import { ChoiceField, Field, filled, typed } from "./Field";
import { FormDialog } from "./FormDialog";
import { inOrder, nameOf, userOf } from "./names";

const words = text.administration.member;
const roles: readonly Role[] = ["owner", "admin", "developer"];

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
  const [access, setAccess] = useState<"all" | "some">(member?.projectIds ? "some" : "all");
  const user = member && userOf(directory, member.userId);

  const submit = (values: FormData) => {
    const userId = member?.userId ?? filled(values, "userId");
    const projectIds = access === "all" ? null : (values.getAll("projectId") as string[]);
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
      <ChoiceField
        name="role"
        label={text.members.role}
        hint={words.roleHint[role]}
        choices={roles.map((one) => ({ value: one, label: roleName(one) }))}
        value={role}
        onChange={setRole}
      />
      {role === "developer" && (
        <>
          <ChoiceField
            name="access"
            label={words.access}
            choices={[
              { value: "all", label: words.allProjects },
              { value: "some", label: words.onlyProjects },
            ]}
            value={access}
            onChange={setAccess}
          />
          {access === "some" && <ProjectChecks directory={directory} chosen={member?.projectIds ?? []} />}
        </>
      )}
    </FormDialog>
  );
}

function ProjectChecks({ directory, chosen }: { directory: Directory; chosen: readonly string[] }) {
  return (
    <fieldset className="form-checks">
      <legend className="visually-hidden">{words.onlyProjects}</legend>
      {inOrder(directory.projects, nameOf).map((project) => (
        <label key={project.id} className="form-check">
          <input
            type="checkbox"
            name="projectId"
            value={project.id}
            defaultChecked={chosen.includes(project.id)}
            data-testid={`project-${project.id}`}
          />
          <span className="truncate">{nameOf(project)}</span>
          {project.status === "deleted" && <span className="tag">{text.ranking.deleted}</span>}
        </label>
      ))}
    </fieldset>
  );
}
