import type { Me } from "../api/types";
import { text } from "../text";
import { Notice } from "../ui/Notice";
import { Shell } from "./shell/Shell";

export default function NoOrganizationPage({ me }: { me: Me }) {
  return (
    <Shell me={me} organization={null} page={null}>
      <Notice whole icon="inbox" title={text.errors.noOrganizationTitle}>
        <p>{me.kind === "operator" ? text.errors.noOrganizationOperator : text.errors.noOrganization}</p>
      </Notice>
    </Shell>
  );
}
