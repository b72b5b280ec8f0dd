import { useQuery } from "@tanstack/react-query";
import { useId, type ReactNode } from "react";
import { zonesQuery } from "../../api/queries";
import { text } from "../../text";
import { browserZone, zonesToChoose } from "../../time/zones";
import { Icon } from "../../ui/Icon";

/** The server's limit for ids, names, descriptions and labels. */
const MAX_CHARS = 512;

interface LabelProps {
  label: string;
  hint?: ReactNode;
}

interface FieldProps extends LabelProps {
  name: string;
  value?: string | null;
  required?: boolean;
  type?: "text" | "email" | "date" | "number";
  /** Of a number. */
  min?: number;
  max?: number;
}

/** A line of text. One that is emptied would be left as it is by the server, so what has a value must keep one. */
export function Field({ label, hint, name, value, required = Boolean(value), type = "text", min, max }: FieldProps) {
  const id = useId();
  return (
    <div className="form-field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="field"
        name={name}
        type={type}
        min={min}
        max={max}
        defaultValue={value ?? ""}
        required={required}
        maxLength={MAX_CHARS}
        autoComplete="off"
        spellCheck={false}
        aria-describedby={hint ? `${id}-hint` : undefined}
        data-testid={`field-${name}`}
      />
      {hint && (
        <p id={`${id}-hint`} className="muted form-hint">
          {hint}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps<T extends string> extends LabelProps {
  name: string;
  choices: readonly { value: T; label: string }[];
  value: T;
  onChange?: (value: T) => void;
}

export function ChoiceField<T extends string>({ label, hint, name, choices, value, onChange }: ChoiceProps<T>) {
  const id = useId();
  return (
    <div className="form-field">
      <label htmlFor={id}>{label}</label>
      <span className="select-box field-box">
        <select
          id={id}
          className="field"
          name={name}
          defaultValue={value}
          onChange={(event) => onChange?.(event.target.value as T)}
          aria-describedby={hint ? `${id}-hint` : undefined}
          data-testid={`field-${name}`}
        >
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
        <Icon name="chevronDown" />
      </span>
      {hint && (
        <p id={`${id}-hint`} className="muted form-hint">
          {hint}
        </p>
      )}
    </div>
  );
}

export function ZoneField({ value, isNew = false }: { value: string | null; isNew?: boolean }) {
  const words = text.administration.organization;
  const chosen = value ?? (isNew ? browserZone() : "");
  const known = useQuery(zonesQuery).data ?? [];
  const ids = zonesToChoose(known).map(({ timezone }) => timezone);
  const zones = chosen === "" || ids.includes(chosen) ? ids : [chosen, ...ids];
  return (
    <ChoiceField
      name="timezone"
      label={words.zone}
      hint={words.zoneHint}
      value={chosen}
      choices={[
        // A zone that was set cannot be unset.
        ...(value ? [] : [{ value: "", label: words.noZone }]),
        ...zones.map((id) => ({ value: id, label: id.replaceAll("_", " ") })),
      ]}
    />
  );
}

/** What was typed into a field; null where nothing was, which the server takes as "leave it". */
export function typed(values: FormData, name: string): string | null {
  const value = values.get(name);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}

/** A field that has to have a value: the browser has seen to it that it has. */
export const filled = (values: FormData, name: string): string => typed(values, name) ?? "";
