import { useQuery } from "@tanstack/react-query";
import { text } from "../../text";
import { Answer } from "../parts/Answer";
import { analyticsPath, settingsPath } from "../routes";
import { AdministrationHeader } from "./AdministrationHeader";
import { nameOf } from "./names";
import { Parts } from "./Parts";
import { directoryQuery } from "./queries";

interface Props {
  organizationId: string;
  part: string | undefined;
}

/** An organization as its owners run it. */
export default function SettingsPage({ organizationId, part }: Props) {
  const answer = useQuery(directoryQuery(organizationId));
  const organization = answer.data?.organizations[0];
  const back = { href: analyticsPath(organizationId), label: text.navigation.analytics };
  return (
    <div className="page" data-testid="settings" data-busy={answer.isPending}>
      <AdministrationHeader
        title={text.administration.organization.one}
        lead={organization && [...new Set([nameOf(organization), organization.id])].join(" · ")}
      />
      <Answer query={{ ...answer, isPlaceholderData: false }} away={back}>
        <Parts
          part={part}
          pathOf={(next) => settingsPath(organizationId, next)}
          operates={false}
          organization={organization}
          directory={answer.data}
        />
      </Answer>
    </div>
  );
}
