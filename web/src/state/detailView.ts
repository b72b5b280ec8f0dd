import { oneOf, readTimeWindow, searchText, writeTimeWindow, type TimeWindow } from "./timeWindow";
import { chartKinds, metrics, type ChartKind, type Metric } from "./view";

/** The page of one member, one key or one's own usage. */
export interface DetailView extends TimeWindow {
  metric: Metric;
  chart: ChartKind;
  hidden: readonly string[];
  /** Of my usage; null is all of it. */
  project: string | null;
}

export function readDetailView(search: string, ownZone: string): DetailView {
  const params = new URLSearchParams(search);
  return {
    ...readTimeWindow(params, ownZone),
    metric: oneOf(metrics, params.get("metric"), "cost"),
    chart: oneOf(chartKinds, params.get("chart"), "bars"),
    hidden: params.getAll("hide"),
    project: params.get("project"),
  };
}

export function writeDetailView(view: DetailView): string {
  const params = writeTimeWindow(view);
  if (view.project !== null) params.set("project", view.project);
  if (view.metric !== "cost") params.set("metric", view.metric);
  if (view.chart !== "bars") params.set("chart", view.chart);
  for (const id of view.hidden) params.append("hide", id);
  return searchText(params);
}
