import { Command } from "cmdk";
import { useLocation } from "wouter";
import type { Organization } from "../../api/types";
import { readTimeWindow } from "../../state/timeWindow";
import { text } from "../../text";
import { firstZone } from "../../time/zones";
import { Icon } from "../../ui/Icon";
import { analyticsPath } from "../routes";
import { useRawSearch } from "../useRawSearch";

interface Props {
  organizations: readonly Organization[];
  current: Organization;
  onDone: () => void;
}

const SEARCH_FROM = 8;

export default function OrganizationList({ organizations, current, onDone }: Props) {
  const [, navigate] = useLocation();
  const search = useRawSearch();
  const choose = (organization: Organization) => {
    onDone();
    if (organization.id === current.id) return;
    // Range and zone go along; series, members and keys belong to the organization that is left.
    navigate(analyticsPath(organization.id, readTimeWindow(new URLSearchParams(search), firstZone())));
  };
  return (
    <Command className="organization-list" label={text.navigation.switchOrganization} loop>
      {organizations.length >= SEARCH_FROM ? (
        <div className="command-input">
          <Icon name="search" />
          <Command.Input autoFocus placeholder={text.navigation.searchOrganizations} />
        </div>
      ) : (
        <Command.Input autoFocus className="visually-hidden" aria-label={text.navigation.switchOrganization} />
      )}
      <Command.List className="command-list">
        <Command.Empty className="command-empty">{text.navigation.noOrganization}</Command.Empty>
        {organizations.map((organization) => (
          <Command.Item
            key={organization.id}
            className="command-item"
            value={organization.id}
            keywords={[organization.name]}
            onSelect={() => choose(organization)}
            data-testid={`organization-option-${organization.id}`}
          >
            <span className="truncate">{organization.name}</span>
            {organization.id === current.id && (
              <span className="end">
                <Icon name="check" />
              </span>
            )}
          </Command.Item>
        ))}
      </Command.List>
    </Command>
  );
}
