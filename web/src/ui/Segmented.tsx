import { useRef, type KeyboardEvent, type ReactNode } from "react";

export interface Choice<T extends string> {
  value: T;
  label: string;
  /** Shown instead of the label, which then becomes the accessible name. */
  icon?: ReactNode;
}

interface Props<T extends string> {
  label: string;
  choices: readonly Choice<T>[];
  value: T;
  onChange: (value: T) => void;
  /** Someone is about to choose this: time to load ahead. */
  onIntent?: (value: T) => void;
  testIdPrefix?: string;
  fill?: boolean;
}

export function Segmented<T extends string>({
  label,
  choices,
  value,
  onChange,
  onIntent,
  testIdPrefix,
  fill = false,
}: Props<T>) {
  const group = useRef<HTMLDivElement>(null);

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = choices.findIndex((choice) => choice.value === value);
    const next = choices[(at + step + choices.length) % choices.length];
    if (!next) return;
    onChange(next.value);
    group.current?.querySelector<HTMLElement>(`[data-value="${next.value}"]`)?.focus();
  };

  const icons = choices.some((choice) => choice.icon);
  return (
    <div
      ref={group}
      role="radiogroup"
      aria-label={label}
      className={`segmented${icons ? " segmented-icons" : ""}${fill ? " segmented-fill" : ""}`}
      onKeyDown={onKeyDown}
    >
      {choices.map((choice) => {
        const chosen = choice.value === value;
        return (
          <button
            key={choice.value}
            type="button"
            role="radio"
            aria-checked={chosen}
            aria-label={choice.icon ? choice.label : undefined}
            title={choice.icon ? choice.label : undefined}
            tabIndex={chosen ? 0 : -1}
            data-value={choice.value}
            data-testid={testIdPrefix ? `${testIdPrefix}-${choice.value}` : undefined}
            onClick={() => !chosen && onChange(choice.value)}
            onPointerEnter={() => !chosen && onIntent?.(choice.value)}
            onFocus={() => !chosen && onIntent?.(choice.value)}
          >
            {choice.icon ?? choice.label}
          </button>
        );
      })}
    </div>
  );
}
