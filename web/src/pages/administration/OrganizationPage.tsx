import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "wouter";
import { oneOf } from "../../state/timeWindow";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { Icon } from "../../ui/Icon";
import { Segmented } from "../../ui/Segmented";
import { Answer } from "../parts/Answer";
import { BackLink } from "../parts/BackLink";
import { EntryTag } from "../parts/EntryTag";
import { administrationRoutes, analyticsPath, organizationEntryPath } from "../routes";
import { AdministrationHeader } from "./AdministrationHeader";
import { ApiKeys } from "./ApiKeys";
import { Members } from "./Members";
import { nameOf } from "./names";
import { OrganizationSettings } from "./OrganizationSettings";
import type { PartProps } from "./part";
import { Projects } from "./Projects";
import { directoryQuery } from "./queries";

const words = text.administration.organization;
const parts = ["settings", "projects", "members", "keys"] as const;

interface Props {
  organizationId: string;
  part: string | undefined;
}

export default function OrganizationPage({ organizationId, part }: Props) {
  const answer = useQuery(directoryQuery(organizationId));
  const [, navigate] = useLocation();
  const shown = oneOf(parts, part ?? null, "settings");
  const organization = answer.data?.organizations[0];
  const back = { href: administrationRoutes.organizations, label: words.back };
  return (
    <div className="page" data-testid="organization" data-busy={answer.isPending}>
      <AdministrationHeader
        back={<BackLink href={back.href}>{back.label}</BackLink>}
        title={organization ? nameOf(organization) : organizationId}
        tags={
          organization && (
            <>
              <span className="tag">{words.plans[organization.plan ?? "enterprise"]}</span>
              <EntryTag note={organization.status === "deleted" ? "deleted" : null} />
            </>
          )
        }
        lead={organization ? organization.id : answer.isPending && <Bone width="80px" />}
      >
        {organization?.status === "active" && (
          <Link href={analyticsPath(organizationId)} className="button" data-testid="open-analytics">
            <Icon name="chart" />
            {words.analytics}
          </Link>
        )}
      </AdministrationHeader>
      <Answer query={{ ...answer, isPlaceholderData: false }} away={back}>
        <div className="parts">
          <Segmented
            label={words.view}
            choices={parts.map((one) => ({ value: one, label: words[one] }))}
            value={shown}
            onChange={(next) => navigate(organizationEntryPath(organizationId, next))}
            testIdPrefix="part"
          />
        </div>
        {answer.data && organization && (
          <Part shown={shown} organization={organization} directory={answer.data} key={organization.id} />
        )}
      </Answer>
    </div>
  );
}

function Part({ shown, ...props }: PartProps & { shown: (typeof parts)[number] }) {
  if (shown === "projects") return <Projects {...props} />;
  if (shown === "members") return <Members {...props} />;
  if (shown === "keys") return <ApiKeys {...props} />;
  return <OrganizationSettings {...props} />;
}
