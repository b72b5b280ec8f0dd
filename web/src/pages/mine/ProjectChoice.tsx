import type { Project } from "../../api/surroundings";
import { text } from "../../text";

interface Props {
  projects: readonly Project[];
  chosen: string;
  onChoose: (projectId: string) => void;
}

/** A select of the system: on a phone nothing is easier to use. */
export function ProjectChoice({ projects, chosen, onChoose }: Props) {
  // A link may name a project that this reader has no access to; the server says so, the choice still shows it.
  const known = projects.some((project) => project.id === chosen);
  return (
    <label className="project-choice">
      <span className="muted">{text.keys.project}</span>
      <select
        className="field"
        value={chosen}
        onChange={(event) => onChoose(event.target.value)}
        data-testid="project-choice"
      >
        {!known && <option value={chosen}>{chosen}</option>}
        {projects.map((project) => (
          <option key={project.id} value={project.id}>
            {project.status === "deleted" ? text.mine.deletedProject(project.name) : project.name}
          </option>
        ))}
      </select>
    </label>
  );
}
