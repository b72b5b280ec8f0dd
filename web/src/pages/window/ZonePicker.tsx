import { useQueryClient } from "@tanstack/react-query";
import { Suspense, useState } from "react";
import { calendarQuery, zonesQuery } from "../../api/queries";
import { text } from "../../text";
import { offsetNow } from "../../time/clock";
import { describeZone } from "../../time/zones";
import { Icon } from "../../ui/Icon";
import { Popover } from "../../ui/Popover";
import { useCalendar } from "./WithCalendar";
import { ahead, lazily } from "../../ui/lazily";

const loadPanel = () => import("./ZonePanel");
const ZonePanel = lazily(loadPanel);

interface Props {
  zone: string;
  organizationZone: string | null;
  onChange: (zone: string) => void;
}

export function ZonePicker({ zone, organizationZone, onChange }: Props) {
  const [open, setOpen] = useState(false);
  const client = useQueryClient();
  const { city, offset } = describeZone(zone, offsetNow(useCalendar()));
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label={text.zone.label}
      onIntent={() => {
        ahead(loadPanel);
        void client.prefetchQuery(zonesQuery);
      }}
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
          onChoose={async (chosen) => {
            setOpen(false);
            // The page stays as it is until the server has said what day it is there.
            await client.prefetchQuery(calendarQuery(chosen));
            onChange(chosen);
          }}
        />
      </Suspense>
    </Popover>
  );
}
