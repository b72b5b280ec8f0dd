import { Children, type ReactNode } from "react";

/** Short statements in a row, parted by dots. */
export function Facts({ children }: { children: ReactNode }) {
  return (
    <span className="facts">
      {Children.toArray(children).map((fact, i) => (
        <span key={i} className="fact">
          {fact}
        </span>
      ))}
    </span>
  );
}
