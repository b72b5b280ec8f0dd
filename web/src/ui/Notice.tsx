import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";

interface Props {
  icon: IconName;
  title: string;
  tone?: "calm" | "bad";
  /** It is all there is on the page, so its title is the page's. */
  whole?: boolean;
  children: ReactNode;
  actions?: ReactNode;
}

export function Notice({ icon, title, tone = "calm", whole = false, children, actions }: Props) {
  const Title = whole ? "h1" : "h2";
  return (
    <section className="card notice" role={tone === "bad" ? "alert" : undefined} data-testid="notice">
      <span className="notice-mark" data-tone={tone}>
        <Icon name={icon} size={20} />
      </span>
      <Title>{title}</Title>
      {children}
      {actions && <div className="notice-actions">{actions}</div>}
    </section>
  );
}
