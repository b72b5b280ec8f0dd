import { useState } from "react";
import type { Directory, Role } from "../../api/administration";
import { text } from "../../text";
import { roleName } from "../members/columns";
import { ChoiceField } from "./Field";
import { inOrder, nameOf } from "./names";

const words = text.administration.member;
const roles: readonly Role[] = ["owner", "admin", "developer"];

export function RoleField({ value, onChange }: { value: Role; onChange: (role: Role) => void }) {
  return (
    <ChoiceField
      name="role"
      label={text.members.role}
      hint={words.roleHint[value]}
      choices={roles.map((one) => ({ value: one, label: roleName(one) }))}
      value={value}
      onChange={onChange}
    />
  );
}

interface Props {
  directory: Directory;
  /** Null is all of them. */
  chosen: readonly string[] | null;
}

/** The projects that a developer sees: `access`, and where it is `some`, each `projectId`. */
export function ProjectAccess({ directory, chosen }: Props) {
  const [access, setAccess] = useState<"all" | "some">(chosen ? "some" : "all");
  return (
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
      {access === "some" && (
        <fieldset className="form-checks">
          <legend className="visually-hidden">{words.onlyProjects}</legend>
          {inOrder(directory.projects, nameOf).map((project) => (
            <label key={project.id} className="form-check">
              <input
                type="checkbox"
                name="projectId"
                value={project.id}
                defaultChecked={chosen?.includes(project.id)}
                data-testid={`project-${project.id}`}
              />
              <span className="truncate">{nameOf(project)}</span>
              {project.status === "deleted" && <span className="tag">{text.ranking.deleted}</span>}
            </label>
          ))}
        </fieldset>
      )}
    </>
  );
}
