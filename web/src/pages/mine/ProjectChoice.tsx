import type { Project } from "../../api/surroundings";
import { text } from "../../text";
import { Select } from "../../ui/Select";

interface Props {
  projects: readonly Project[];
  chosen: string;
  onChoose: (projectId: string) => void;
}

export function ProjectChoice({ projects, chosen, onChoose }: Props) {
  // A link may name a project that this reader has no access to; the server says so, the choice still shows it.
  const known = projects.some((project) => project.id === chosen);
  return (
    <Select
      label={text.keys.project}
      choices={[
        ...(known ? [] : [{ value: chosen, label: chosen }]),
        ...projects.map(({ id, name, status }) => ({
          value: id,
          label: status === "deleted" ? text.mine.deletedProject(name) : name,
        })),
      ]}
      value={chosen}
      onChange={onChoose}
      testId="project-choice"
    />
  );
}
