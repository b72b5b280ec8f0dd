import { useMemo } from "react";
import type { Answered, ModelDay, Summary, TopEntry } from "../../api/blocks";
import { modelTimeline } from "../../charts/timeline";
import { looksOf } from "../../state/colours";
import { nowhere } from "../../state/steps";
import { text } from "../../text";
import type { Span } from "../../time/presets";
import { useCalendar } from "../window/WithCalendar";
import { ChartCard, type ChartState } from "./ChartCard";
import { MetricTabs } from "./MetricTabs";
import { TopCard } from "./TopCard";

interface Props {
  /** Null while the answer is on its way. */
  answer: (Answered & { summary: Summary; costByModel: TopEntry[]; activity: ModelDay[] }) | null;
  state: ChartState;
  span: Span;
  csv: string;
  picture: string;
  onChange: (change: Partial<ChartState>) => void;
  /** Where more is said about a model, for those who may see it. */
  pathOf?: (model: string, span?: Span) => string | null;
}

/** Usage by model, over time and as a ranking: of one member or of one key. */
export function ModelUsage({ answer, state, span, csv, picture, onChange, pathOf }: Props) {
  const { today } = useCalendar();
  const drawn = useMemo(
    () => (answer ? modelTimeline(answer, state.metric, text.chart.other, today) : null),
    [answer, state.metric, today],
  );
  const looks = useMemo(
    () => looksOf(drawn?.series.map(({ id, ordinal, other }) => ({ id, ordinal, nameless: other })) ?? []),
    [drawn],
  );

  return (
    <>
      <ChartCard
        state={state}
        span={span}
        timeline={drawn}
        grouping={text.groupings.model}
        looks={looks}
        tabs={<MetricTabs value={state.metric} onChange={(metric) => onChange({ metric })} />}
        csv={csv}
        picture={picture}
        onChange={onChange}
        stepsOf={({ keys: [model] }, span) => ({ ...nowhere, path: model == null ? null : (pathOf?.(model, span) ?? null) })}
      />
      <TopCard
        id="cost-by-model"
        title={text.detail.costByModel}
        grouping={text.groupings.model}
        entries={answer?.costByModel ?? null}
        total={answer?.summary.cost ?? 0}
        chartLooks={looks}
        pathOf={pathOf && ((model) => pathOf(model))}
      />
    </>
  );
}
