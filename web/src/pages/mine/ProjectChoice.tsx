import type { Project } from "../../api/surroundings";
import { text } from "../../text";
import { Select } from "../../ui/Select";

interface Props {
  projects: readonly Project[];
  /** Null is all of them. */
  chosen: string | null;
  onChoose: (projectId: string | null) => void;
}

export function ProjectChoice({ projects, chosen, onChoose }: Props) {
  // A link may name a project that this reader has no access to; the server says so, the choice still shows it.
  const known = chosen === null || projects.some((project) => project.id === chosen);
  return (
    <Select
      label={text.keys.project}
      choices={[
        { value: "", label: text.mine.allProjects },
        ...(known ? [] : [{ value: chosen ?? "", label: chosen ?? "" }]),
        ...projects.map(({ id, name, status }) => ({
          value: id,
          label: status === "deleted" ? text.mine.deletedProject(name) : name,
        })),
      ]}
      value={chosen ?? ""}
      onChange={(id) => onChoose(id || null)}
      testId="project-choice"
    />
  );
}
