/** The counters that the store's page shows, out of Prometheus' text format. */
export interface Metrics {
  /** A metric without labels; 0 where the server has none of that name. */
  value: (name: string) => number;
  /** What became of other senders' records: by feed, then by result. Feeds that sent nothing are left out. */
  feeds: readonly { feed: string; results: Readonly<Record<string, number>> }[];
}

const LINE = /^(\w+)(?:\{([^}]*)\})? (\S+)$/;

export function readMetrics(text: string): Metrics {
  const values = new Map<string, number>();
  const feeds = new Map<string, Record<string, number>>();
  for (const line of text.split("\n")) {
    const [, name = "", labels, value = ""] = LINE.exec(line) ?? [];
    if (name === "") continue;
    if (labels === undefined) values.set(name, Number(value));
    if (name !== "rollcall_feed_records_total" || labels === undefined) continue;
    const { feed = "", result = "" } = Object.fromEntries(
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, label]) => [key, label]),
    );
    feeds.set(feed, { ...feeds.get(feed), [result]: Number(value) });
  }
  return {
    value: (name) => values.get(name) ?? 0,
    feeds: [...feeds]
      .map(([feed, results]) => ({ feed, results }))
      .filter(({ results }) => Object.values(results).some((records) => records > 0)),
  };
}
