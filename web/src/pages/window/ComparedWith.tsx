import { text } from "../../text";
import { comparisons, type Comparison } from "../../time/before";
import { Select } from "../../ui/Select";

interface Props {
  value: Comparison;
  onChange: (comparison: Comparison) => void;
}

/** Which earlier window figures are set against. */
export function ComparedWith({ value, onChange }: Props) {
  return (
    <Select
      label={text.compare.label}
      choices={comparisons.map((one) => ({ value: one, label: text.compare.with[one] }))}
      value={value}
      onChange={onChange}
      testId="compared-with"
    />
  );
}
