import { Icon } from "./Icon";

interface Props<T extends string> {
  label: string;
  choices: readonly { value: T; label: string }[];
  value: T;
  onChange: (value: T) => void;
  testId: string;
}

/** The system's own select in this page's looks: on a phone nothing is easier to use. */
export function Select<T extends string>({ label, choices, value, onChange, testId }: Props<T>) {
  return (
    <label className="select">
      <span className="muted">{label}</span>
      <span className="select-box">
        <select value={value} onChange={(event) => onChange(event.target.value as T)} data-testid={testId}>
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
        <Icon name="chevronDown" />
      </span>
    </label>
  );
}
