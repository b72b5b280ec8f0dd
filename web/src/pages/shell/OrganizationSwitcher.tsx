import { Suspense, useState } from "react";
import type { Organization } from "../../api/types";
import { text } from "../../text";
import { Icon } from "../../ui/Icon";
import { Popover } from "../../ui/Popover";
import { Logo } from "./Logo";
import { lazily } from "../../ui/lazily";

const OrganizationList = lazily(() => import("./OrganizationList"));

interface Props {
  organizations: readonly Organization[];
  current: Organization;
  onLeave?: () => void;
}

export function OrganizationSwitcher({ organizations, current, onLeave }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label={text.navigation.switchOrganization}
      align="start"
      trigger={(props) => (
        <button {...props} className="brand brand-button" data-testid="organization-button">
          <Logo />
          <span className="truncate">{current.name}</span>
          <Icon name="chevrons" />
        </button>
      )}
    >
      <Suspense fallback={<div className="organization-list" />}>
        <OrganizationList
          organizations={organizations}
          current={current}
          onDone={() => {
            setOpen(false);
            onLeave?.();
          }}
        />
      </Suspense>
    </Popover>
  );
}
