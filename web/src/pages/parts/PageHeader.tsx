import type { ReactNode } from "react";
import type { Organization } from "../../api/types";
import { momentText, spanText } from "../../format/dates";
import type { TimeWindow } from "../../state/timeWindow";
import { text } from "../../text";
import type { Day } from "../../time/day";
import type { Span } from "../../time/presets";
import { Bone } from "../../ui/Bone";
import { ViewsMenu } from "../views/ViewsMenu";
import { ComparedWith } from "../window/ComparedWith";
import { RangePicker } from "../window/RangePicker";
import { useCalendar } from "../window/WithCalendar";
import { ZonePicker } from "../window/ZonePicker";

interface Props {
  /** Above the title: where this page belongs. */
  back?: ReactNode;
  title: ReactNode;
  /** Beside the title: role, status. */
  tags?: ReactNode;
  /** Under the title. */
  facts?: ReactNode;
  organization: Organization;
  view: TimeWindow;
  span: Span;
  today: Day;
  /** Up to when the figures are complete. Null while the answer is on its way, undefined where none will come. */
  asOf: string | null | undefined;
  /** Its days are UTC days, whatever zone the reader is in. */
  inUtc?: boolean;
  /** Its figures are set against those of an earlier window. */
  compares?: boolean;
  onChange: (change: Partial<TimeWindow>) => void;
}

export function PageHeader({ back, title, tags, facts, organization, view, span, today, asOf, inUtc = false, compares = false, onChange }: Props) {
  const calendar = useCalendar();
  return (
    <header className="page-header">
      <div className="page-heading">
        {back}
        <div className="page-title">
          <h1 className="truncate">{title}</h1>
          {tags}
        </div>
        {asOf !== undefined && (
          <p className="muted page-as-of" data-testid="as-of" data-moment={asOf}>
            {asOf ? text.analytics.completeUpTo(momentText(asOf, calendar)) : <Bone width="220px" />}
          </p>
        )}
        {facts}
        <p className="print-only">
          {organization.name} · {spanText(span.from, span.to)} · {inUtc ? "UTC" : view.zone}
        </p>
      </div>
      <div className="page-controls">
        <RangePicker range={view.range} span={span} today={today} onChange={(range) => onChange({ range })} />
        {!inUtc && (
          <ZonePicker
            zone={view.zone}
            organizationZone={organization.timezone ?? null}
            onChange={(zone) => onChange({ zone })}
          />
        )}
        {compares && <ComparedWith value={view.comparedWith} onChange={(comparedWith) => onChange({ comparedWith })} />}
        <ViewsMenu organizationId={organization.id} organizationName={organization.name} />
      </div>
    </header>
  );
}
