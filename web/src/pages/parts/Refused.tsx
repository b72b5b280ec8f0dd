import type { Organization } from "../../api/types";
import type { AnalyticsAccess } from "../../state/access";
import { settings } from "../../state/settings";
import { text } from "../../text";
import { Notice } from "../../ui/Notice";
import { useTitle } from "../useTitle";
import "./page.css";

interface Props {
  access: Exclude<AnalyticsAccess, "granted">;
  organization: Organization;
  title: string;
}

export default function Refused({ access, organization, title }: Props) {
  useTitle(title, organization.name);
  return (
    <div className="page">
      <header className="page-header">
        <h1>{title}</h1>
      </header>
      <Why access={access} organization={organization} />
    </div>
  );
}

function Why({ access, organization }: Omit<Props, "title">) {
  return access === "needs-plan" ? <NeedsPlan organization={organization} /> : <NeedsRole organization={organization} />;
}

/** The operator's own words where there are some. */
function NeedsPlan({ organization }: { organization: Organization }) {
  const url = httpUrl(settings.upgradeUrl);
  return (
    <div data-testid="needs-plan">
      <Notice
        icon="spark"
        title={text.refused.planTitle}
        actions={
          url && (
            <a className="button button-primary" href={url} rel="noreferrer" data-testid="upgrade-link">
              {text.refused.upgrade}
            </a>
          )
        }
      >
        <p>{settings.upgradeText ?? text.refused.planText(organization.name)}</p>
      </Notice>
    </div>
  );
}

/** A link that an operator typed must not become a script. */
function httpUrl(link: string | null): string | null {
  return link !== null && /^(https?:\/\/|mailto:|\/(?!\/))/i.test(link) ? link : null;
}

function NeedsRole({ organization }: { organization: Organization }) {
  return (
    <div data-testid="needs-role">
      <Notice icon="lock" title={text.refused.roleTitle}>
        <p>{text.refused.role(organization.name)}</p>
      </Notice>
    </div>
  );
}
