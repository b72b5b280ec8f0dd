import { useMemo } from "react";
import type { Answered, ModelDay, Summary, TopEntry } from "../../api/blocks";
import { modelTimeline } from "../../charts/timeline";
import { nowhere } from "../../state/steps";
import { text } from "../../text";
import type { Span } from "../../time/presets";
import { useCalendar } from "../window/WithCalendar";
import { ChartCard, type ChartState } from "./ChartCard";
import { slotsFor } from "./colours";
import { MetricTabs } from "./MetricTabs";
import { TopCard } from "./TopCard";

interface Props {
  organizationId: string;
  /** Null while the answer is on its way. */
  answer: (Answered & { summary: Summary; costByModel: TopEntry[]; activity: ModelDay[] }) | null;
  state: ChartState;
  span: Span;
  csv: string;
  onChange: (change: Partial<ChartState>) => void;
  /** Where more is said about a model, for those who may see it. */
  pathOf?: (model: string) => string | null;
}

/** Usage by model, over time and as a ranking: of one member or of one key. */
export function ModelUsage({ organizationId, answer, state, span, csv, onChange, pathOf }: Props) {
  const { today } = useCalendar();
  const drawn = useMemo(
    () => (answer ? modelTimeline(answer, state.metric, text.chart.other, today) : null),
    [answer, state.metric, today],
  );
  // The analytics page's scope: a model has the same colour there and here.
  const slots = useMemo(
    () =>
      slotsFor(
        `${organizationId} model`,
        drawn?.series.filter((series) => !series.other).map((series) => series.id) ?? [],
      ),
    [organizationId, drawn],
  );

  return (
    <>
      <ChartCard
        state={state}
        span={span}
        timeline={drawn}
        grouping={text.groupings.model}
        slots={slots}
        tabs={<MetricTabs value={state.metric} onChange={(metric) => onChange({ metric })} />}
        csv={csv}
        onChange={onChange}
        stepsOf={({ keys: [model] }) => ({ ...nowhere, path: model == null ? null : (pathOf?.(model) ?? null) })}
      />
      <TopCard
        id="cost-by-model"
        title={text.detail.costByModel}
        grouping={text.groupings.model}
        entries={answer?.costByModel ?? null}
        total={answer?.summary.cost ?? 0}
        slots={slots}
        pathOf={pathOf}
      />
    </>
  );
}
