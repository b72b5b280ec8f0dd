import { useMemo, useState } from "react";
import { changeDirectory, type Directory, type KeyEntry } from "../../api/administration";
import { text } from "../../text";
import { ApiKeyForm } from "./ApiKeyForm";
import { deleteOrRestore, EntryActions } from "./EntryActions";
import { AddButton, EntryName, EntryTable, type EntryColumn } from "./EntryTable";
import { FormDialog } from "./FormDialog";
import { inOrder, keyName, projectName, userName, userOf } from "./names";
import type { PartProps } from "./part";
import { useChange } from "./queries";

const words = text.administration.key;

type Doing = { kind: "add" } | { kind: "edit" | "delete"; apiKey: KeyEntry };

export function ApiKeys({ organization, directory }: PartProps) {
  const [doing, setDoing] = useState<Doing | null>(null);
  const done = () => setDoing(null);
  const change = useChange((apiKey: KeyEntry) =>
    changeDirectory({ apiKeys: [{ ...apiKey, organizationId: organization.id }] }),
  );
  const setStatus = (apiKey: KeyEntry, status: "active" | "deleted") =>
    change.mutateAsync({ id: apiKey.id, projectId: apiKey.projectId, status });
  const rows = useMemo(() => inOrder(directory.apiKeys, keyName), [directory]);
  const columns = useMemo(() => columnsFor(directory), [directory]);
  return (
    <>
      <EntryTable
        label={text.administration.organization.keys}
        columns={columns}
        rows={rows}
        idOf={(row) => row.id}
        textsOf={(row) => [row.description, row.id, projectName(directory, row.projectId), creatorOf(directory, row)]}
        search={words.search}
        none={words.none}
        testId="keys-table"
        add={<AddButton label={words.add} onClick={() => setDoing({ kind: "add" })} />}
        actions={(apiKey) => (
          <EntryActions
            name={keyName(apiKey)}
            onEdit={() => setDoing({ kind: "edit", apiKey })}
            other={deleteOrRestore(
              apiKey.status === "deleted",
              () => setDoing({ kind: "delete", apiKey }),
              () => void setStatus(apiKey, "active"),
            )}
          />
        )}
      />
      {(doing?.kind === "add" || doing?.kind === "edit") && (
        <ApiKeyForm
          directory={directory}
          apiKey={doing.kind === "edit" ? doing.apiKey : null}
          onClose={done}
          onSave={async (apiKey) => {
            await change.mutateAsync(apiKey);
            done();
          }}
        />
      )}
      {doing?.kind === "delete" && (
        <FormDialog
          title={words.deleteTitle(keyName(doing.apiKey))}
          lead={words.deleteLead}
          submit={text.administration.delete}
          danger
          onClose={done}
          onSubmit={async () => {
            await setStatus(doing.apiKey, "deleted");
            done();
          }}
        />
      )}
    </>
  );
}

function creatorOf(directory: Directory, apiKey: KeyEntry): string | null {
  return apiKey.createdBy ? userName(userOf(directory, apiKey.createdBy)) : null;
}

function columnsFor(directory: Directory): EntryColumn<KeyEntry>[] {
  const quiet = (words: string) => (
    <span className="muted truncate list-quiet" title={words}>
      {words}
    </span>
  );
  const creator = (row: KeyEntry) => creatorOf(directory, row) ?? text.keys.noCreator;
  return [
    {
      name: "name",
      label: text.keys.key,
      cell: (row) => (
        <EntryName
          name={keyName(row)}
          second={row.id}
          small={creator(row)}
          tag={row.status === "deleted" ? "deleted" : null}
        />
      ),
    },
    { name: "project", label: text.keys.project, wideOnly: true, cell: (row) => quiet(projectName(directory, row.projectId)) },
    { name: "creator", label: text.keys.creator, wideOnly: true, cell: (row) => quiet(creator(row)) },
  ];
}
