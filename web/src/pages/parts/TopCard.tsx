import type { TopEntry } from "../../api/blocks";
import { lookOf } from "../../charts/look";
import { looksOf, type Look } from "../../state/colours";
import { seriesId, seriesLabel, thingOf } from "../../state/series";
import { nowhere } from "../../state/steps";
import { text } from "../../text";
import { RankTable } from "./RankTable";

interface Props {
  id: string;
  title: string;
  grouping: string;
  /** Null while the answer is on its way. */
  entries: readonly TopEntry[] | null;
  /** Of which cost the shares are. */
  total: number;
  /** Of the chart beside it, where that has the same things. */
  chartLooks?: ReadonlyMap<string, Look>;
  /** Half as wide as the page. */
  narrow?: boolean;
  /** Where more is said about an entry. */
  pathOf?: (key: string) => string | null;
}

/** The largest by cost. */
export function TopCard({ id, title, grouping, entries, total, chartLooks, narrow = false, pathOf }: Props) {
  const looks = new Map([...looksOf(entries?.map(thingOf) ?? []), ...(chartLooks ?? [])]);
  return (
    <section className="card panel" aria-labelledby={`${id}-title`} data-testid={id}>
      <header className="panel-header">
        <h2 id={`${id}-title`}>{title}</h2>
      </header>
      {entries?.length === 0 ? (
        <p className="muted">{text.chart.nothing}</p>
      ) : (
        <RankTable
          grouping={grouping}
          entries={
            entries?.map((entry) => ({
              id: seriesId(entry),
              label: seriesLabel(entry),
              hint: entry.key && entry.key !== entry.label ? `${entry.label} (${entry.key})` : seriesLabel(entry),
              other: false,
              look: lookOf(seriesId(entry), looks),
              note: null,
              measures: entry,
              cell: { label: seriesLabel(entry), keys: [entry.key ?? null] },
              steps: { ...nowhere, path: entry.key == null ? null : (pathOf?.(entry.key) ?? null) },
            })) ?? null
          }
          metric="cost"
          total={total}
          skeletonRows={narrow ? 3 : 6}
          narrow={narrow}
        />
      )}
    </section>
  );
}
