import { createContext, useContext, type ReactNode } from "react";
import { text } from "../text";

/** A figure of the answer that the page shows. */
export interface Cell {
  /** What it is of, as a reader sees it. */
  label: string;
  /** Of which bucket; all of the window without. */
  date?: string;
  /** Of which entry; all of them without. */
  keys?: readonly (string | null)[];
  /** The entry is all but the largest. */
  rest?: boolean;
}

/** What opens where a figure comes from; null for what cannot be asked: on this page, by this reader, or at all. */
export const ExplainContext = createContext<(cell: Cell) => (() => void) | null>(() => null);

/** A figure that opens where it comes from. */
export function ExplainFigure({ cell, children }: { cell: Cell | null; children: ReactNode }) {
  const opening = useContext(ExplainContext);
  const open = cell && opening(cell);
  if (open === null) return children;
  return (
    <button
      type="button"
      className="explain-figure"
      aria-haspopup="dialog"
      aria-description={text.explain.open}
      onClick={open}
      data-testid="explain"
    >
      {children}
    </button>
  );
}
