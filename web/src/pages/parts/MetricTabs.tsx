import { metrics, type Metric } from "../../state/view";
import { text } from "../../text";
import { Segmented } from "../../ui/Segmented";

interface Props {
  value: Metric;
  onChange: (metric: Metric) => void;
}

export function MetricTabs({ value, onChange }: Props) {
  return (
    <Segmented
      label={text.analytics.measure}
      choices={metrics.map((metric) => ({ value: metric, label: text.metrics[metric] }))}
      value={value}
      onChange={onChange}
      testIdPrefix="metric"
    />
  );
}
