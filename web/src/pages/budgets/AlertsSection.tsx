import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { alertsQuery, putAlert, type Alert, type NewAlert } from "../../api/alerts";
import type { Budget } from "../../api/budgets";
import type { Organization } from "../../api/types";
import { text } from "../../text";
import { Failure } from "../../ui/Failure";
import { EntryAction, EntryActions, deleteOrRestore } from "../administration/EntryActions";
import { AddButton, EntryName, EntryTable, type EntryColumn } from "../administration/EntryTable";
import { FormDialog } from "../administration/FormDialog";
import { useChange } from "../administration/queries";
import { AlertForm } from "./AlertForm";
import { RehearsalDialog } from "./RehearsalDialog";

const words = text.alerts;

type Doing = { kind: "add" } | { kind: "edit" | "delete" | "rehearse"; alert: Alert };

interface Props {
  organization: Organization;
  budgets: readonly Budget[];
}

/** What somebody wants to hear of, and whom it is told. */
export function AlertsSection({ organization, budgets }: Props) {
  const [doing, setDoing] = useState<Doing | null>(null);
  const done = () => setDoing(null);
  const answer = useQuery(alertsQuery(organization.id));
  const change = useChange((alert: Omit<NewAlert, "organizationId">) =>
    putAlert({ ...alert, organizationId: organization.id }),
  );
  const rows = answer.data ?? null;
  if (answer.error && rows === null) return <Failure error={answer.error} onRetry={() => void answer.refetch()} />;
  const zoneOf = (alert: Alert) =>
    budgets.find(({ id }) => id === alert.budgetId)?.timezone ?? organization.timezone ?? "UTC";
  return (
    <>
      <h2>{words.title}</h2>
      <p className="muted page-lead">{words.lead}</p>
      <EntryTable
        label={words.title}
        columns={columns}
        rows={rows}
        idOf={(row) => row.id}
        textsOf={(row) => [row.id, words.kinds[row.kind], row.budgetId]}
        search={words.search}
        none={words.none}
        testId="alerts-table"
        add={<AddButton label={words.add} onClick={() => setDoing({ kind: "add" })} />}
        actions={(alert) => (
          <>
            <EntryAction
              icon="chart"
              label={words.rehearse}
              full={words.rehearseOf(alert.id)}
              onClick={() => setDoing({ kind: "rehearse", alert })}
              testId="rehearse"
            />
            <EntryActions
              name={alert.id}
              onEdit={() => setDoing({ kind: "edit", alert })}
              other={deleteOrRestore(false, () => setDoing({ kind: "delete", alert }), done)}
            />
          </>
        )}
      />
      {(doing?.kind === "add" || doing?.kind === "edit") && (
        <AlertForm
          alert={doing.kind === "edit" ? doing.alert : null}
          budgets={budgets}
          onClose={done}
          onSave={async (alert) => {
            await change.mutateAsync(alert);
            done();
          }}
        />
      )}
      {doing?.kind === "rehearse" && <RehearsalDialog alert={doing.alert} zone={zoneOf(doing.alert)} onClose={done} />}
      {doing?.kind === "delete" && (
        <FormDialog
          title={text.budgets.deleteTitle(doing.alert.id)}
          lead={words.deleteLead}
          submit={text.administration.delete}
          danger
          onClose={done}
          onSubmit={async () => {
            await change.mutateAsync({ id: doing.alert.id, status: "deleted" });
            done();
          }}
        />
      )}
    </>
  );
}

const columns: EntryColumn<Alert>[] = [
  {
    name: "name",
    label: words.alert,
    cell: (row) => <EntryName name={row.id} second={row.budgetId ? `${words.kinds[row.kind]} · ${row.budgetId}` : words.kinds[row.kind]} />,
  },
  {
    name: "told",
    label: words.told,
    wideOnly: true,
    cell: (row) => [...new Set(row.to.map(({ kind }) => words.channels[kind]))].join(", ") || words.nobody,
  },
  {
    name: "threshold",
    label: words.threshold,
    wideOnly: true,
    cell: (row) => <span className="muted">{row.threshold ?? words.usual}</span>,
  },
];
