import { expect, test } from "vitest";
import { readMetrics } from "./metrics";

const TEXT = `# HELP rollcall_commits_total Durable commits.
# TYPE rollcall_commits_total counter
rollcall_commits_total 12
rollcall_queue_events 0
# TYPE rollcall_feed_records_total counter
rollcall_feed_records_total{feed="litellm",result="accepted"} 7
rollcall_feed_records_total{feed="litellm",result="rejected"} 1
rollcall_feed_records_total{feed="otlp_logs",result="accepted"} 0
`;

test("metrics by name, feeds that sent something by result", () => {
  const metrics = readMetrics(TEXT);
  expect(metrics.value("rollcall_commits_total")).toBe(12);
  expect(metrics.value("rollcall_queue_events")).toBe(0);
  expect(metrics.value("rollcall_unknown")).toBe(0);
  expect(metrics.feeds).toEqual([{ feed: "litellm", results: { accepted: 7, rejected: 1 } }]);
});

test("what is no metric is no number", () => {
  expect(readMetrics("<!doctype html>\nnot a metric\n").feeds).toEqual([]);
});
