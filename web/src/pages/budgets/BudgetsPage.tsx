import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { foreseenBudgetsQuery, putBudget, type Budget, type NewBudget } from "../../api/budgets";
import type { Organization } from "../../api/types";
import { dayText } from "../../format/dates";
import { text } from "../../text";
import { Failure } from "../../ui/Failure";
import { EntryActions, deleteOrRestore } from "../administration/EntryActions";
import { AddButton, EntryName, EntryTable, type EntryColumn } from "../administration/EntryTable";
import { FormDialog } from "../administration/FormDialog";
import { useChange } from "../administration/queries";
import { AlertsSection } from "./AlertsSection";
import { BudgetBar } from "./BudgetBar";
import { BudgetForm } from "./BudgetForm";
import { CountsSection } from "./CountsSection";
import { DecisionsSection } from "./DecisionsSection";
import { limitOf, nearestFirst, scopeText, unitOf } from "./standing";
import { useTitle } from "../useTitle";
import "../administration/administration.css";
import "../parts/page.css";

const words = text.budgets;

type Doing = { kind: "add" } | { kind: "edit" | "delete"; budget: Budget };

/** What may be used, and how much of it was. */
export default function BudgetsPage({ organization }: { organization: Organization }) {
  useTitle(words.title, organization.name);
  const [doing, setDoing] = useState<Doing | null>(null);
  const done = () => setDoing(null);
  const answer = useQuery(foreseenBudgetsQuery(organization.id));
  const change = useChange((budget: Omit<NewBudget, "organizationId">) =>
    putBudget({ ...budget, organizationId: organization.id }),
  );
  const rows = useMemo(() => answer.data ? nearestFirst(answer.data) : null, [answer.data]);
  return (
    <div className="page" data-testid="budgets" data-busy={rows === null && !answer.error}>
      <header className="page-header">
        <div className="page-heading">
          <div className="page-title">
            <h1 className="truncate">{words.title}</h1>
          </div>
          <p className="muted page-lead">{words.lead}</p>
        </div>
      </header>
      {answer.error && rows === null ? (
        <Failure error={answer.error} onRetry={() => void answer.refetch()} />
      ) : (
        <EntryTable
          label={words.title}
          columns={columns}
          rows={rows}
          idOf={(row) => row.id}
          textsOf={(row) => [row.id, scopeText(row), row.scope.id]}
          search={words.search}
          none={words.none}
          testId="budgets-table"
          add={<AddButton label={words.add} onClick={() => setDoing({ kind: "add" })} />}
          actions={(budget) => (
            <EntryActions
              name={budget.id}
              onEdit={() => setDoing({ kind: "edit", budget })}
              other={deleteOrRestore(false, () => setDoing({ kind: "delete", budget }), done)}
            />
          )}
        />
      )}
      {rows && <DecisionsSection organization={organization} />}
      {rows && <CountsSection organization={organization} />}
      {rows && <AlertsSection organization={organization} budgets={rows} />}
      {(doing?.kind === "add" || doing?.kind === "edit") && (
        <BudgetForm
          budget={doing.kind === "edit" ? doing.budget : null}
          onClose={done}
          onSave={async (budget) => {
            await change.mutateAsync(budget);
            done();
          }}
        />
      )}
      {doing?.kind === "delete" && (
        <FormDialog
          title={words.deleteTitle(doing.budget.id)}
          lead={words.deleteLead}
          submit={text.administration.delete}
          danger
          onClose={done}
          onSubmit={async () => {
            await change.mutateAsync({ id: doing.budget.id, status: "deleted" });
            done();
          }}
        />
      )}
    </div>
  );
}

const anew = (row: Budget) => (row.resetsAt ? dayText(row.resetsAt.slice(0, 10)) : "");

const columns: EntryColumn<Budget>[] = [
  {
    name: "name",
    label: words.budget,
    cell: (row) => <EntryName name={row.id} second={scopeText(row)} />,
  },
  {
    name: "standing",
    label: words.spent,
    cell: (row) => <BudgetBar unit={unitOf(row)} limit={limitOf(row) * (row.members?.length || 1)} of={row} window={row.window} forecast={row.forecast} members={row.members} />,
  },
  { name: "window", label: words.window, wideOnly: true, cell: (row) => words.windows[row.window] },
  { name: "action", label: words.action, wideOnly: true, cell: (row) => words.actions[row.action] },
  { name: "anew", label: words.anew, wideOnly: true, cell: (row) => <span className="muted">{anew(row)}</span> },
];
