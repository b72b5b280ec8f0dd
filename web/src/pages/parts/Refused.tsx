import { useQuery } from "@tanstack/react-query";
import { settingsQuery } from "../../api/queries";
import type { Organization } from "../../api/types";
import type { AnalyticsAccess } from "../../state/access";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { Notice } from "../../ui/Notice";

interface Props {
  access: Exclude<AnalyticsAccess, "granted">;
  organization: Organization;
}

export default function Refused({ access, organization }: Props) {
  return access === "needs-plan" ? <NeedsPlan organization={organization} /> : <NeedsRole organization={organization} />;
}

/** The operator's own words where there are some. They may name a price, so the card waits for them. */
function NeedsPlan({ organization }: { organization: Organization }) {
  const settings = useQuery(settingsQuery);
  const url = httpUrl(settings.data?.upgradeUrl ?? null);
  return (
    <div data-testid="needs-plan">
      <Notice
        whole
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
        {settings.isPending ? (
          <Bone width="90%" height="42px" />
        ) : (
          <p>{settings.data?.upgradeText ?? text.refused.planText(organization.name)}</p>
        )}
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
      <Notice whole icon="lock" title={text.refused.roleTitle}>
        <p>{text.refused.role(organization.name)}</p>
      </Notice>
    </div>
  );
}
