import { Link } from "wouter";
import { Icon } from "../../ui/Icon";

export function BackLink({ href, children }: { href: string; children: string }) {
  return (
    <Link href={href} className="back-link" data-testid="back-link">
      <Icon name="chevronLeft" size={14} />
      {children}
    </Link>
  );
}
