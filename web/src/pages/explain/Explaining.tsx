import { Suspense, useCallback, useState, type ReactNode } from "react";
import type { ExplainedQuestion } from "../../api/explain";
import { Boundary } from "../../ui/Boundary";
import { ExplainContext, type Cell } from "../../ui/ExplainFigure";
import { lazily } from "../../ui/lazily";

const ExplainPanel = lazily(() => import("./ExplainPanel"));

interface Props {
  /** What the figures inside answer; null where their reader may not ask where they come from. */
  question: ExplainedQuestion | null;
  children: ReactNode;
}

/** Figures in here open where they come from. */
export function Explaining({ question, children }: Props) {
  const [open, setOpen] = useState<{ question: ExplainedQuestion; cell: Cell } | null>(null);
  const opening = useCallback(
    (cell: Cell) => {
      // Which things are the rest is only known of a ranking by the server.
      if (question === null || (cell.rest && question.top == null)) return null;
      return () => setOpen({ question, cell });
    },
    [question],
  );
  return (
    <ExplainContext value={opening}>
      {children}
      {open && (
        <Boundary small>
          <Suspense fallback={null}>
            <ExplainPanel {...open} onClose={() => setOpen(null)} />
          </Suspense>
        </Boundary>
      )}
    </ExplainContext>
  );
}
