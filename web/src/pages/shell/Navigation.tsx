import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { forgetAnswers, meQuery } from "../../api/queries";
import { signOut } from "../../api/session";
import type { Me, Organization } from "../../api/types";
import { text } from "../../text";
import { Icon } from "../../ui/Icon";
import { LanguageSwitch } from "../../ui/LanguageSwitch";
import { ThemeSwitch } from "../../ui/ThemeSwitch";
import { analyticsAccess, type AnalyticsAccess } from "../../state/access";
import { readTimeWindow } from "../../state/timeWindow";
import { firstZone } from "../../time/zones";
import { entries, isFor } from "../entries";
import type { PageName } from "../pages";
import { routes } from "../routes";
import { useRawSearch } from "../useRawSearch";
import { AdministrationLinks } from "./AdministrationLinks";
import { Logo } from "./Logo";
import { SearchButton } from "../palette/SearchButton";
import { OrganizationSwitcher } from "./OrganizationSwitcher";
import { PageLink } from "./PageLink";

interface Props {
  me: Me | null;
  organization: Organization | null;
  page: PageName | null;
  onLeave?: () => void;
  onSearch?: () => void;
}

export function Navigation({ me, organization, page, onLeave, onSearch }: Props) {
  const window = readTimeWindow(new URLSearchParams(useRawSearch()), firstZone());
  const access = me && organization && analyticsAccess(me.kind, organization);
  return (
    <div className="navigation">
      <div className="navigation-top">
        {me && organization && me.organizations.length > 1 ? (
          <OrganizationSwitcher organizations={me.organizations} current={organization} onLeave={onLeave} />
        ) : (
          <span className="brand">
            <Logo />
            <span className="truncate">{organization?.name ?? text.product}</span>
          </span>
        )}
      </div>
      {me && organization && onSearch && <SearchButton onSearch={onSearch} />}
      {me && organization && (
        <nav aria-label={text.navigation.organizationSection}>
          <ul>
            {entries
              .filter((entry) => isFor(me, organization, entry.page))
              .map((entry) => (
                <li key={entry.page}>
                  <PageLink {...entry} path={entry.path(organization.id, window)} shown={page} onLeave={onLeave}>
                    {entry.guarded && access && access !== "granted" && <Closed access={access} />}
                  </PageLink>
                </li>
              ))}
          </ul>
        </nav>
      )}
      {me?.kind === "operator" && <AdministrationLinks page={page} onLeave={onLeave} />}
      <div className="navigation-foot">
        <Link className="navigation-link" href={routes.reference} aria-current={page === "reference" ? "page" : undefined} onClick={onLeave} data-testid="nav-reference">
          <Icon name="book" size={18} />
          {text.navigation.reference}
        </Link>
        <span className="navigation-switches">
          <ThemeSwitch />
          <LanguageSwitch />
        </span>
        {me ? (
          <Account me={me} />
        ) : (
          <Link className="button" href="/" onClick={onLeave} data-testid="nav-signin">
            {text.navigation.signIn}
          </Link>
        )}
      </div>
    </div>
  );
}

/** Says before anyone clicks that a page will not open for them, and why. */
function Closed({ access }: { access: Exclude<AnalyticsAccess, "granted"> }) {
  const why = text.refused.marks[access];
  return (
    <span className="navigation-lock" title={why} data-testid="nav-lock">
      {access === "needs-plan" && (
        <span className="tag" aria-hidden="true">
          {text.refused.plan}
        </span>
      )}
      {access === "needs-role" && <Icon name="lock" size={14} />}
      <span className="visually-hidden">({why})</span>
    </span>
  );
}

function Account({ me }: { me: Me }) {
  const client = useQueryClient();
  const leave = useMutation({
    mutationFn: signOut,
    onSettled: (leadsTo) => {
      if (leadsTo) location.assign(leadsTo);
      forgetAnswers(client);
      client.setQueryData(meQuery.queryKey, null);
    },
  });
  const name = me.user?.name ?? me.user?.email ?? me.user?.id ?? text.navigation.operator;
  return (
    <div className="account">
      <span className="account-mark" aria-hidden="true">
        {[...name][0]?.toUpperCase()}
      </span>
      <Link className="truncate" href={routes.sessions} title={me.user?.email ?? undefined} data-testid="nav-sessions">
        {name}
      </Link>
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
