import type { Organization } from "../../api/types";
import { momentText } from "../../format/dates";
import type { View } from "../../state/view";
import { text } from "../../text";
import type { Day } from "../../time/day";
import type { Span } from "../../time/presets";
import { Bone } from "../../ui/Bone";
import { RangePicker } from "./RangePicker";
import { ZonePicker } from "./ZonePicker";

interface Props {
  organization: Organization;
  view: View;
  span: Span;
  today: Day;
  asOf: string | null;
  onChange: (change: Partial<View>) => void;
}

export function Header({ organization, view, span, today, asOf, onChange }: Props) {
  return (
    <header className="page-header">
      <div>
        <h1>{text.analytics.title}</h1>
        <p className="muted page-as-of">
          {asOf ? text.analytics.completeUpTo(momentText(asOf, view.zone)) : <Bone width="220px" />}
        </p>
      </div>
      <div className="page-controls">
        <RangePicker
          range={view.range}
          span={span}
          today={today}
          onChange={(range) => onChange({ range, per: null })}
        />
        <ZonePicker
          zone={view.zone}
          organizationZone={organization.timezone ?? null}
          onChange={(zone) => onChange({ zone })}
        />
      </div>
    </header>
  );
}
