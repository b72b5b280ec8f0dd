import type { Organization } from "../../api/types";
import { text } from "../../text";
import { Notice } from "../../ui/Notice";

export function NeedsPlan({ organization }: { organization: Organization }) {
  return (
    <Notice icon="spark" title={text.refused.planTitle}>
      <p>{text.refused.plan(organization.name)}</p>
    </Notice>
  );
}

export function NeedsRole({ organization }: { organization: Organization }) {
  return (
    <Notice icon="lock" title={text.refused.roleTitle}>
      <p>{text.refused.role(organization.name)}</p>
    </Notice>
  );
}
