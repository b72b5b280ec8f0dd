import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";

interface Props {
  icon: IconName;
  title: string;
  tone?: "calm" | "bad";
  children: ReactNode;
  actions?: ReactNode;
}

export function Notice({ icon, title, tone = "calm", children, actions }: Props) {
  return (
    <section className="card notice" role={tone === "bad" ? "alert" : undefined} data-testid="notice">
      <span className="notice-mark" data-tone={tone}>
        <Icon name={icon} size={20} />
      </span>
      <h2>{title}</h2>
      {children}
      {actions && <div className="notice-actions">{actions}</div>}
    </section>
  );
}
