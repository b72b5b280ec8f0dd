import type { ReactNode } from "react";
import { explanation } from "../../ui/Failure";
import { Icon } from "../../ui/Icon";

interface TaskProps {
  title: string;
  lead: string;
  error?: unknown;
  result?: ReactNode;
  testId?: string;
  /** What does it; nothing where there is nothing to do. */
  children?: ReactNode;
}

/** Something that can be done, and what came of it. */
export function Task({ title, lead, error = null, result, testId, children }: TaskProps) {
  return (
    <div className="task">
      <div>
        <h3>{title}</h3>
        <p className="muted">{lead}</p>
        <div role="status" data-testid={testId}>
          {error !== null ? <Bad>{explanation(error)}</Bad> : result}
        </div>
      </div>
      {children}
    </div>
  );
}

export function Good({ children }: { children: ReactNode }) {
  return (
    <p className="task-result">
      <Icon name="check" />
      <span>{children}</span>
    </p>
  );
}

export function Bad({ children }: { children: ReactNode }) {
  return (
    <p className="task-result task-bad">
      <Icon name="alert" />
      <span>{children}</span>
    </p>
  );
}

export function Warning({ children }: { children: ReactNode }) {
  return (
    <p className="task-result task-warning">
      <Icon name="alert" />
      <span>{children}</span>
    </p>
  );
}
