import type { Steps } from "../../state/steps";
import { text } from "../../text";
import { Icon } from "../../ui/Icon";

interface Props {
  className: string;
  label: string;
  steps: Steps;
  testId: string;
}

/** Narrows the page to an entry that has a page of its own; pressed again, it lifts that. */
export function NarrowButton({ className, label, steps, testId }: Props) {
  const says = (steps.narrowed ? text.filters.lift : text.filters.only)(label);
  return (
    <button
      type="button"
      className={className}
      aria-label={text.filters.only(label)}
      aria-pressed={steps.narrowed}
      title={says}
      onClick={() => steps.narrow?.()}
      data-testid={testId}
    >
      <Icon name="filter" size={14} />
    </button>
  );
}
