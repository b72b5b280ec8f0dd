import { useEffect, useState } from "react";
import { text } from "../text";
import { copy } from "./copyText";
import { Icon, type IconName } from "./Icon";

interface Props {
  className: string;
  icon: IconName;
  label: string;
  /** Asked for when the button is pressed. */
  what: () => string | Promise<string>;
  /** There is room for the icon alone. */
  small?: boolean;
  testId: string;
}

const SAID_FOR_MS = 2500;

/** Copies, and says whether it did in its own place. */
export function Copy({ className, icon, label, what, small = false, testId }: Props) {
  const [copied, setCopied] = useState<boolean | null>(null);
  useEffect(() => {
    if (copied === null) return;
    const timer = setTimeout(() => setCopied(null), SAID_FOR_MS);
    return () => clearTimeout(timer);
  }, [copied]);

  const says = copied === null ? label : copied ? text.copy.copied : text.copy.refused;
  return (
    <>
      <button
        type="button"
        className={className}
        aria-label={small ? label : undefined}
        title={small ? says : undefined}
        onClick={() => void copy(what()).then(setCopied)}
        data-testid={testId}
      >
        <Icon name={copied === null ? icon : copied ? "check" : "alert"} />
        {!small && says}
      </button>
      <span role="status" className="visually-hidden">
        {copied === null ? "" : says}
      </span>
    </>
  );
}
