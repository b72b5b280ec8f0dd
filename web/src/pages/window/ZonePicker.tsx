import { lazy, Suspense, useState } from "react";
import { text } from "../../text";
import { describeZone } from "../../time/zones";
import { Icon } from "../../ui/Icon";
import { Popover } from "../../ui/Popover";

const loadPanel = () => import("./ZonePanel");
const ZonePanel = lazy(loadPanel);

interface Props {
  zone: string;
  organizationZone: string | null;
  onChange: (zone: string) => void;
}

export function ZonePicker({ zone, organizationZone, onChange }: Props) {
  const [open, setOpen] = useState(false);
  const { city, offset } = describeZone(zone, new Date());
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label={text.zone.label}
      onIntent={() => void loadPanel()}
      trigger={(props) => (
        <button
          {...props}
          className="button zone-button"
          title={`${zone} (${offset})`}
          data-testid="zone-button"
          data-zone={zone}
        >
          <Icon name="globe" />
          <span className="visually-hidden">{text.zone.label}: </span>
          <span className="truncate">{city}</span>
        </button>
      )}
    >
      <Suspense fallback={<div className="zone-panel" />}>
        <ZonePanel
          zone={zone}
          organizationZone={organizationZone}
          onChoose={(chosen) => {
            setOpen(false);
            onChange(chosen);
          }}
        />
      </Suspense>
    </Popover>
  );
}
