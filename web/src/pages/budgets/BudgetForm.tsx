import { useState } from "react";
import type { Budget, NewBudget } from "../../api/budgets";
import { text } from "../../text";
import { ChoiceField, Field, filled } from "../administration/Field";
import { FormDialog } from "../administration/FormDialog";
import { limitText, unitOf } from "./standing";

const words = text.budgets;
const units = ["cost", "requests", "tokens"] as const;
const windows = ["day", "week", "month", "total"] as const;
const actions = ["block", "warn"] as const;
const kinds = ["organization", "eachMember", "member", "project", "apiKey", "team"] as const;
type Kind = (typeof kinds)[number];

/** Those that are of one of many. */
const isOfOne = (kind: Kind) => kind !== "organization" && kind !== "eachMember";

interface Props {
  /** Null for one that is to be added. */
  budget: Budget | null;
  onClose: () => void;
  onSave: (budget: Omit<NewBudget, "organizationId">) => Promise<void>;
}

export function BudgetForm({ budget, onClose, onSave }: Props) {
  const [kind, setKind] = useState<Kind>("organization");
  const submit = (values: FormData) => {
    const unit = filled(values, "unit") as (typeof units)[number];
    const amount = filled(values, "amount");
    return onSave({
      id: budget?.id ?? filled(values, "id"),
      // Money as it was typed: a number would be rounded to a double on its way.
      limit: { [unit]: unit === "cost" ? amount : Number(amount) },
      window: filled(values, "window") as NewBudget["window"],
      action: filled(values, "action") as NewBudget["action"],
      ...(budget ? {} : { scope: scopeOf(kind, filled(values, "of")) }),
    });
  };
  return (
    <FormDialog
      title={budget ? words.editTitle(budget.id) : words.add}
      submit={budget ? text.administration.save : text.administration.add}
      onClose={onClose}
      onSubmit={submit}
    >
      {budget === null && (
        <>
          <Field name="id" label={text.administration.id} hint={text.administration.idHint} required />
          <ChoiceField
            name="kind"
            label={words.scope}
            choices={kinds.map((value) => ({ value, label: words.kinds[value] }))}
            value={kind}
            onChange={setKind}
          />
          {isOfOne(kind) && <Field name="of" label={words.ofId} required />}
        </>
      )}
      <Field name="amount" label={words.limit} value={budget ? limitText(budget) : null} required />
      <ChoiceField
        name="unit"
        label={words.unit}
        choices={units.map((value) => ({ value, label: words.unitNames[value] }))}
        value={budget ? unitOf(budget) : "cost"}
      />
      <ChoiceField
        name="window"
        label={words.window}
        choices={windows.map((value) => ({ value, label: words.windows[value] }))}
        value={budget?.window ?? "month"}
      />
      <ChoiceField
        name="action"
        label={words.action}
        choices={actions.map((value) => ({ value, label: words.actions[value] }))}
        value={budget?.action ?? "block"}
      />
    </FormDialog>
  );
}

function scopeOf(kind: Kind, id: string): NewBudget["scope"] {
  if (kind === "organization") return { kind };
  return kind === "eachMember" ? { kind: "member" } : { kind, id };
}
