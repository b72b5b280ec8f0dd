import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { ActivityQuestion } from "../../api/activity";
import { spanText } from "../../format/dates";
import type { View } from "../../state/view";
import { text } from "../../text";
import type { Day } from "../../time/day";
import type { Span } from "../../time/presets";
import { Notice } from "../../ui/Notice";
import { everUsedQuery, rangeWithUsage } from "../onboarding/firstUse";
import { Onboarding } from "../onboarding/Onboarding";
import { NoUsage } from "../parts/NoUsage";

interface Props {
  question: ActivityQuestion;
  /** What the answer is about; while the next one is on its way, that of the former. */
  span: Span;
  today: Day;
  /** Filters are set, so that nothing may be missing at all. */
  narrowed: boolean;
  onChange: (change: Partial<View>) => void;
}

export default function Empty({ narrowed, ...props }: Props) {
  if (!narrowed) return <Unused {...props} />;
  return (
    <Notice
      icon="filter"
      title={text.empty.narrowedTitle}
      actions={
        <button type="button" className="button" onClick={() => props.onChange({ filters: {} })} data-testid="empty-clear">
          {text.filters.clearAll}
        </button>
      }
    >
      <p>{text.empty.narrowed(spanText(props.span.from, props.span.to))}</p>
    </Notice>
  );
}

/** No usage in this range, or none ever: then the first event is waited for, and its chart is shown. */
function Unused({ question, span, today, onChange }: Omit<Props, "narrowed">) {
  const client = useQueryClient();
  const ever = useQuery(everUsedQuery(question, today));
  const unused = ever.data?.totals.requestCount === 0;
  const [waiting, setWaiting] = useState(false);
  if (unused && !waiting) setWaiting(true);

  const came = waiting && !unused;
  useEffect(() => {
    if (!came) return;
    if (ever.data) onChange({ range: rangeWithUsage(ever.data, today) });
    // The chart takes this place; should its range have missed the event, the notice below says so.
    void client.invalidateQueries().then(() => setWaiting(false));
    // Once: what is asked anew must not begin this again.
  }, [came]);

  if (ever.isPending) return null;
  if (waiting) return <Onboarding organizationId={question.organizationId} />;
  return <NoUsage span={span} onChange={onChange} />;
}
