import { text } from "../../text";
import type { IconName } from "../../ui/Icon";
import type { PageName } from "../pages";
import { administrationRoutes } from "../routes";
import { PageLink } from "./PageLink";

const entries: readonly { page: PageName; icon: IconName; label: string; path: string }[] = [
  { page: "organizations", icon: "building", label: text.administration.organizations, path: administrationRoutes.organizations },
  { page: "tokens", icon: "ticket", label: text.administration.tokens, path: administrationRoutes.tokens },
  { page: "store", icon: "store", label: text.administration.store, path: administrationRoutes.store },
  { page: "intake", icon: "inbox", label: text.intake.title, path: administrationRoutes.intake },
  { page: "audit", icon: "scroll", label: text.audit.title, path: administrationRoutes.audit },
];

/** The whole server's pages, under those of the organization that is looked at. */
export function AdministrationLinks({ page, onLeave }: { page: PageName | null; onLeave?: () => void }) {
  return (
    <nav aria-labelledby="administration-links">
      <p className="navigation-heading" id="administration-links">
        {text.administration.title}
      </p>
      <ul>
        {entries.map((entry) => (
          <li key={entry.page}>
            <PageLink {...entry} shown={page} onLeave={onLeave} />
          </li>
        ))}
      </ul>
    </nav>
  );
}
