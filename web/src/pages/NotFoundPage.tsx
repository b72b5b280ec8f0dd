import { Link } from "wouter";
import type { Me } from "../api/types";
import { text } from "../text";
import { Notice } from "../ui/Notice";
import { analyticsPath } from "./routes";
import { Shell } from "./shell/Shell";

export function NotFoundPage({ me }: { me: Me }) {
  const first = me.organizations[0];
  return (
    <Shell me={me} organization={first ?? null} page={null}>
      <Notice
        icon="search"
        title={text.errors.notFoundTitle}
        actions={
          first && (
            <Link href={analyticsPath(first.id)} className="button button-primary">
              {text.errors.home}
            </Link>
          )
        }
      >
        <p>{text.errors.notFound}</p>
      </Notice>
    </Shell>
  );
}

export function NoOrganizationPage({ me }: { me: Me }) {
  return (
    <Shell me={me} organization={null} page={null}>
      <Notice icon="inbox" title={text.errors.noOrganizationTitle}>
        <p>{me.kind === "operator" ? text.errors.noOrganizationOperator : text.errors.noOrganization}</p>
      </Notice>
    </Shell>
  );
}
