import { useMemo, useState } from "react";
import { changeDirectory, type Directory, type ProjectEntry } from "../../api/administration";
import { count } from "../../format/counts";
import { text } from "../../text";
import { deleteOrRestore, EntryActions } from "./EntryActions";
import { AddButton, EntryName, EntryTable, type EntryColumn } from "./EntryTable";
import { Field, filled, typed } from "./Field";
import { FormDialog } from "./FormDialog";
import { inOrder, nameOf } from "./names";
import type { PartProps } from "./part";
import { useChange } from "./queries";

const words = text.administration.project;

type Doing = { kind: "add" } | { kind: "edit" | "delete"; project: ProjectEntry };

export function Projects({ organization, directory }: PartProps) {
  const [doing, setDoing] = useState<Doing | null>(null);
  const done = () => setDoing(null);
  const change = useChange((project: Omit<ProjectEntry, "organizationId">) =>
    changeDirectory({ projects: [{ ...project, organizationId: organization.id }] }),
  );
  const rows = useMemo(() => inOrder(directory.projects, nameOf), [directory]);
  const columns = useMemo(() => columnsFor(directory), [directory]);
  return (
    <>
      <EntryTable
        label={text.administration.organization.projects}
        columns={columns}
        rows={rows}
        idOf={(row) => row.id}
        textsOf={(row) => [row.name, row.id]}
        search={words.search}
        none={words.none}
        testId="projects-table"
        add={<AddButton label={words.add} onClick={() => setDoing({ kind: "add" })} />}
        actions={(project) => (
          <EntryActions
            name={nameOf(project)}
            onEdit={() => setDoing({ kind: "edit", project })}
            other={deleteOrRestore(
              project.status === "deleted",
              () => setDoing({ kind: "delete", project }),
              () => change.mutate({ id: project.id, status: "active" }),
            )}
          />
        )}
      />
      {(doing?.kind === "add" || doing?.kind === "edit") && (
        <FormDialog
          title={doing.kind === "add" ? words.add : words.editTitle}
          submit={doing.kind === "add" ? text.administration.add : text.administration.save}
          onClose={done}
          onSubmit={async (values) => {
            const id = doing.kind === "add" ? filled(values, "id") : doing.project.id;
            await change.mutateAsync({ id, name: typed(values, "name") });
            done();
          }}
        >
          {doing.kind === "add" && (
            <Field name="id" label={text.administration.id} hint={text.administration.idHint} required />
          )}
          <Field
            name="name"
            label={text.administration.name}
            value={doing.kind === "edit" ? doing.project.name : null}
          />
        </FormDialog>
      )}
      {doing?.kind === "delete" && (
        <FormDialog
          title={words.deleteTitle(nameOf(doing.project))}
          lead={words.deleteLead}
          submit={text.administration.delete}
          danger
          onClose={done}
          onSubmit={async () => {
            await change.mutateAsync({ id: doing.project.id, status: "deleted" });
            done();
          }}
        />
      )}
    </>
  );
}

function columnsFor(directory: Directory): EntryColumn<ProjectEntry>[] {
  const keysOf = (project: ProjectEntry) =>
    directory.apiKeys.filter((key) => key.projectId === project.id && key.status === "active").length;
  return [
    {
      name: "name",
      label: text.keys.project,
      cell: (row) => (
        <EntryName name={nameOf(row)} second={row.id} tag={row.status === "deleted" ? "deleted" : null} />
      ),
    },
    {
      name: "keys",
      label: text.administration.organization.keys,
      numeric: true,
      wideOnly: true,
      cell: (row) => count(keysOf(row)),
    },
  ];
}
