import { useQuery } from "@tanstack/react-query";
import { Command } from "cmdk";
import { useMemo, useState } from "react";
import { zonesQuery } from "../../api/queries";
import { text } from "../../text";
import { browserZone, describeZone, suggestedZones, zoneMatches, zonesToChoose, type Zone } from "../../time/zones";
import { explanation } from "../../ui/Failure";
import { Icon } from "../../ui/Icon";

interface Props {
  zone: string;
  organizationZone: string | null;
  onChoose: (zone: string) => void;
}

export default function ZonePanel({ zone, organizationZone, onChoose }: Props) {
  const [query, setQuery] = useState("");
  const own = browserZone();

  const { data: known, error } = useQuery(zonesQuery);

  const { suggested, others } = useMemo(() => {
    const zones = new Map((known ?? []).map((one) => [one.timezone, describeZone(one.timezone, one.offset)]));
    const found = (ids: readonly string[]) => ids.flatMap((id) => zones.get(id) ?? []);
    const first = [...new Set([...suggestedZones(own, organizationZone), zone])];
    const rest = zonesToChoose(known ?? []).map(({ timezone }) => timezone);
    return { suggested: found(first), others: found(rest.filter((id) => !first.includes(id))) };
  }, [known, own, organizationZone, zone]);

  const matching = (zones: readonly Zone[]) => zones.filter((one) => zoneMatches(one, query));
  const shownSuggested = matching(suggested);
  const shownOthers = matching(others);

  const item = (one: Zone) => (
    <Command.Item
      key={one.id}
      value={one.id}
      className="command-item"
      onSelect={() => onChoose(one.id)}
      data-testid={`zone-option-${one.id}`}
    >
      <span className="truncate">
        {one.city}
        {one.region && <span className="muted"> · {one.region}</span>}
      </span>
      {one.id === zone && <Icon name="check" />}
      <span className="end zone-offset">
        {one.id === own && <span className="tag">{text.zone.own}</span>}
        {one.id === organizationZone && one.id !== own && <span className="tag">{text.zone.organization}</span>}
        {one.offset}
      </span>
    </Command.Item>
  );

  if (!known) return <div className="zone-panel">{error && <p className="command-empty">{explanation(error)}</p>}</div>;
  return (
    <Command className="zone-panel" label={text.zone.label} shouldFilter={false} defaultValue={zone} loop>
      <div className="command-input">
        <Icon name="search" />
        <Command.Input
          autoFocus
          value={query}
          onValueChange={setQuery}
          placeholder={text.zone.search}
          data-testid="zone-search"
        />
      </div>
      <Command.List className="command-list">
        {shownSuggested.length + shownOthers.length === 0 && (
          <Command.Empty className="command-empty">{text.zone.none}</Command.Empty>
        )}
        {shownSuggested.length > 0 && (
          <Command.Group heading={text.zone.suggested}>{shownSuggested.map(item)}</Command.Group>
        )}
        {shownOthers.length > 0 && (
          <Command.Group heading={text.zone.all}>{shownOthers.map(item)}</Command.Group>
        )}
      </Command.List>
    </Command>
  );
}
