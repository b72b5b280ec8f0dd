import type { ReactNode } from "react";
import { Link } from "wouter";
import { Icon, type IconName } from "../../ui/Icon";
import { loadAhead, type PageName } from "../pages";

interface Props {
  page: PageName;
  icon: IconName;
  label: string;
  path: string;
  /** The page that one is on. */
  shown: PageName | null;
  onLeave?: () => void;
  children?: ReactNode;
}

export function PageLink({ page, icon, label, path, shown, onLeave, children }: Props) {
  return (
    <Link
      className="navigation-link"
      href={path}
      aria-current={page === shown ? "page" : undefined}
      onClick={onLeave}
      onPointerEnter={() => loadAhead(page)}
      onFocus={() => loadAhead(page)}
      data-testid={`nav-${page}`}
    >
      <Icon name={icon} size={18} />
      {label}
      {children}
    </Link>
  );
}
