import { useState } from "react";
import type { Alert, NewAlert, NewRecipient } from "../../api/alerts";
import type { Budget } from "../../api/budgets";
import { text } from "../../text";
import { ChoiceField, Field, filled, typed } from "../administration/Field";
import { FormDialog } from "../administration/FormDialog";

const words = text.alerts;
const kinds = ["budget", "forecast", "unusualDay", "newSpender", "errorRate", "unpriced", "digest"] as const;
const channels = ["webhook", "slack", "discord", "email"] as const;
type Kind = (typeof kinds)[number];
type Channel = (typeof channels)[number];

interface Props {
  /** Null for one that is to be added. */
  alert: Alert | null;
  budgets: readonly Budget[];
  onClose: () => void;
  onSave: (alert: Omit<NewAlert, "organizationId">) => Promise<void>;
}

export function AlertForm({ alert, budgets, onClose, onSave }: Props) {
  const [kind, setKind] = useState<Kind>(alert?.kind ?? (budgets.length > 0 ? "budget" : "unusualDay"));
  const [channel, setChannel] = useState<Channel>("webhook");
  const [told, setTold] = useState(alert?.to ?? []);
  const isOfBudget = kind === "budget" || kind === "forecast";
  const submit = (values: FormData) => {
    const kept: NewRecipient[] = told.map(({ kind, url, address }) => (kind === "email" ? { kind, address } : { kind, url }));
    const address = typed(values, "address");
    const secret = typed(values, "secret");
    const added: NewRecipient[] =
      address === null
        ? []
        : [channel === "email" ? { kind: channel, address } : { kind: channel, url: address, ...(secret && channel === "webhook" ? { secret } : {}) }];
    return onSave({
      id: alert?.id ?? filled(values, "id"),
      kind,
      budgetId: isOfBudget ? filled(values, "budget") : null,
      // As it was typed: the server says what is wrong with it.
      threshold: (typed(values, "threshold") as unknown as number | null),
      to: [...kept, ...added],
    });
  };
  return (
    <FormDialog
      title={alert ? text.budgets.editTitle(alert.id) : words.add}
      submit={alert ? text.administration.save : text.administration.add}
      onClose={onClose}
      onSubmit={submit}
      blocked={isOfBudget && budgets.length === 0}
    >
      {alert === null && <Field name="id" label={text.administration.id} hint={text.administration.idHint} required />}
      <ChoiceField
        name="kind"
        label={words.when}
        choices={kinds.map((value) => ({ value, label: words.kinds[value] }))}
        value={kind}
        onChange={setKind}
      />
      {isOfBudget && (
        <ChoiceField
          name="budget"
          label={text.budgets.budget}
          hint={budgets.length === 0 ? text.budgets.none : undefined}
          choices={budgets.map(({ id }) => ({ value: id, label: id }))}
          value={alert?.budgetId ?? budgets[0]?.id ?? ""}
        />
      )}
      {kind !== "digest" && (
        <Field
          key={kind}
          name="threshold"
          label={words.threshold}
          hint={words.thresholds[kind]}
          value={alert?.kind === kind && alert.threshold != null ? String(alert.threshold) : null}
          required={false}
        />
      )}
      {told.length > 0 && (
        <ul className="alert-told" aria-label={words.told}>
          {told.map((one) => (
            <li key={`${one.kind} ${one.url ?? one.address}`}>
              <span className="truncate">
                {words.channels[one.kind]} <span className="muted">{one.url ?? one.address}</span>
              </span>
              <button
                type="button"
                className="button button-quiet"
                aria-label={words.removeOf(one.url ?? one.address ?? "")}
                onClick={() => setTold(told.filter((other) => other !== one))}
                data-testid="remove-recipient"
              >
                {words.remove}
              </button>
            </li>
          ))}
        </ul>
      )}
      <ChoiceField
        name="channel"
        label={words.tell}
        choices={channels.map((value) => ({ value, label: words.channels[value] }))}
        value={channel}
        onChange={setChannel}
      />
      <Field name="address" label={channel === "email" ? words.address : words.url} required={false} />
      {channel === "webhook" && <Field name="secret" label={words.secret} hint={words.secretHint} required={false} />}
    </FormDialog>
  );
}
