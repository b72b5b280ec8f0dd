import type { ReactNode } from "react";
import { Bone } from "../../ui/Bone";
import { ExplainFigure } from "../../ui/ExplainFigure";

interface Props {
  id: string;
  label: string;
  /** After the label. */
  tag?: ReactNode;
  /** Null while the answer is on its way. */
  figure: { shown: string; exact: string; hint?: string } | null;
  /** It can be asked where the figure comes from. */
  explained?: boolean;
  children?: ReactNode;
}

export function FigureCard({ id, label, tag, figure, explained = false, children }: Props) {
  return (
    <article className="card summary" data-testid={`card-${id}`}>
      <h2>
        {label}
        {tag}
      </h2>
      <p className="summary-figure">
        {figure ? (
          <ExplainFigure cell={explained ? { label } : null}>
            <data value={figure.exact} data-exact={figure.exact} title={figure.hint}>
              {figure.shown}
            </data>
          </ExplainFigure>
        ) : (
          <Bone width="110px" height="0.9em" />
        )}
      </p>
      <p className="summary-note muted">{figure ? children : <Bone width="130px" />}</p>
    </article>
  );
}
