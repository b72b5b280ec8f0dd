import { Snippet } from "../../ui/Snippet";

interface Props {
  label: string;
  value: string;
  hint?: string;
  testId: string;
}

export function Secret({ label, value, hint, testId }: Props) {
  return (
    <div className="form-field secret" data-testid={testId}>
      <span className="secret-label">{label}</span>
      <Snippet code={value} label={label} />
      {hint && <p className="muted form-hint">{hint}</p>}
    </div>
  );
}
