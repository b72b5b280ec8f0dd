import { useLocation } from "wouter";
import type { Directory, OrganizationEntry } from "../../api/administration";
import { oneOf } from "../../state/timeWindow";
import { text } from "../../text";
import { Segmented } from "../../ui/Segmented";
import { accountWords } from "../account/words";
import { ApiKeys } from "./ApiKeys";
import { Invitations } from "./Invitations";
import { Links } from "./Links";
import { linkWords } from "./linkWords";
import { Members } from "./Members";
import { OrganizationSettings } from "./OrganizationSettings";
import type { PartProps } from "./part";
import { Projects } from "./Projects";
import { Tokens } from "./Tokens";

const words = text.administration.organization;
const parts = ["settings", "projects", "members", "invitations", "keys", "tokens", "links"] as const;
/** Those that are not in the catalogues. */
const others: Partial<Record<(typeof parts)[number], string>> = { links: linkWords.title, invitations: accountWords.invitations };

interface Props {
  part: string | undefined;
  pathOf: (part: string) => string;
  operates: boolean;
  /** Undefined while the answer is on its way. */
  organization: OrganizationEntry | undefined;
  directory: Directory | undefined;
}

/** Everything that an organization is made of, a part at a time. */
export function Parts({ part, pathOf, operates, organization, directory }: Props) {
  const [, navigate] = useLocation();
  const shown = oneOf(parts, part ?? null, "settings");
  return (
    <>
      <div className="parts">
        <Segmented
          label={words.view}
          choices={parts.map((one) => ({ value: one, label: others[one] ?? words[one as keyof typeof words] as string }))}
          value={shown}
          onChange={(next) => navigate(pathOf(next))}
          testIdPrefix="part"
        />
      </div>
      {directory && organization && (
        <Part shown={shown} organization={organization} directory={directory} operates={operates} key={organization.id} />
      )}
    </>
  );
}

function Part({ shown, ...props }: PartProps & { shown: (typeof parts)[number] }) {
  if (shown === "projects") return <Projects {...props} />;
  if (shown === "members") return <Members {...props} />;
  if (shown === "keys") return <ApiKeys {...props} />;
  if (shown === "tokens") return <Tokens {...props} />;
  if (shown === "invitations") return <Invitations {...props} />;
  if (shown === "links") return <Links {...props} />;
  return <OrganizationSettings {...props} />;
}
