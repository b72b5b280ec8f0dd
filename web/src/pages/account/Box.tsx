import type { ReactNode } from "react";
import { explanation } from "../../ui/Failure";
import { Logo } from "../shell/Logo";
import "../sign-in/sign-in.css";

interface Props {
  title: string;
  children: ReactNode;
  actions?: ReactNode;
  error?: unknown;
}

/** A page of one question, without the navigation. */
export function Box({ title, children, actions, error }: Props) {
  return (
    <main className="sign-in">
      <div className="sign-in-box" data-testid="question">
        <Logo size={36} />
        <h1>{title}</h1>
        <p className="muted">{children}</p>
        {actions}
        <p className="sign-in-fault" role="alert">
          {error ? explanation(error) : ""}
        </p>
      </div>
    </main>
  );
}
