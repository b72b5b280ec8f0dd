import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { Icon } from "../../ui/Icon";
import { Answer } from "../parts/Answer";
import { BackLink } from "../parts/BackLink";
import { EntryTag } from "../parts/EntryTag";
import { administrationRoutes, analyticsPath, organizationEntryPath } from "../routes";
import { AdministrationHeader } from "./AdministrationHeader";
import { nameOf } from "./names";
import { Parts } from "./Parts";
import { directoryQuery } from "./queries";

const words = text.administration.organization;

interface Props {
  organizationId: string;
  part: string | undefined;
}

export default function OrganizationPage({ organizationId, part }: Props) {
  const answer = useQuery(directoryQuery(organizationId));
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
        <Parts
          part={part}
          pathOf={(next) => organizationEntryPath(organizationId, next)}
          operates
          organization={organization}
          directory={answer.data}
        />
      </Answer>
    </div>
  );
}
