import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { meQuery } from "../../api/queries";
import { signOut } from "../../api/session";
import type { Me, Organization } from "../../api/types";
import { text } from "../../text";
import { Icon, type IconName } from "../../ui/Icon";
import { ThemeSwitch } from "../../ui/ThemeSwitch";
import { analyticsPath } from "../routes";
import { useRawSearch } from "../useRawSearch";
import { Logo } from "./Logo";
import { OrganizationSwitcher } from "./OrganizationSwitcher";

export type PageName = "analytics";

interface Entry {
  page: PageName;
  icon: IconName;
  label: string;
  path: (organizationId: string) => string;
}

/** Members, API keys and My usage join here with their pages. */
const entries: readonly Entry[] = [
  { page: "analytics", icon: "chart", label: text.navigation.analytics, path: analyticsPath },
];

interface Props {
  me: Me;
  organization: Organization | null;
  page: PageName | null;
  onLeave?: () => void;
}

export function Navigation({ me, organization, page, onLeave }: Props) {
  const search = useRawSearch();
  return (
    <div className="navigation">
      <div className="navigation-top">
        {organization && me.organizations.length > 1 ? (
          <OrganizationSwitcher organizations={me.organizations} current={organization} onLeave={onLeave} />
        ) : (
          <span className="brand">
            <Logo />
            <span className="truncate">{organization?.name ?? text.product}</span>
          </span>
        )}
      </div>
      {organization && (
        <nav aria-label={text.navigation.organizationSection}>
          <ul>
            {entries.map((entry) => (
              <li key={entry.page}>
                <Link
                  className="navigation-link"
                  href={`${entry.path(organization.id)}${search ? `?${search}` : ""}`}
                  aria-current={entry.page === page ? "page" : undefined}
                  onClick={onLeave}
                >
                  <Icon name={entry.icon} size={18} />
                  {entry.label}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
      )}
      <div className="navigation-foot">
        <ThemeSwitch />
        <Account me={me} />
      </div>
    </div>
  );
}

function Account({ me }: { me: Me }) {
  const client = useQueryClient();
  const leave = useMutation({
    mutationFn: signOut,
    onSettled: () => {
      client.removeQueries({ queryKey: ["activity"] });
      client.setQueryData(meQuery.queryKey, null);
    },
  });
  const name = me.user?.name ?? me.user?.email ?? me.user?.id ?? text.navigation.operator;
  return (
    <div className="account">
      <span className="account-mark" aria-hidden="true">
        {[...name][0]?.toUpperCase()}
      </span>
      <span className="truncate" title={me.user?.email ?? undefined}>
        {name}
      </span>
      <button
        type="button"
        className="button button-quiet button-icon"
        aria-label={text.navigation.signOut}
        title={text.navigation.signOut}
        onClick={() => leave.mutate()}
        data-testid="signout"
      >
        <Icon name="signOut" size={17} />
      </button>
    </div>
  );
}
