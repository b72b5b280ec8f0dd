import type { MemberAnswer } from "../../api/people";
import type { TopEntry } from "../../api/blocks";
import { shareOf, spent } from "../../charts/measure";
import { seriesLabel } from "../../state/series";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";

/** What this person spends most on, of each kind. */
export function MostUsed({ answer }: { answer: MemberAnswer | null }) {
  const total = answer?.summary.cost ?? 0;
  return (
    <dl className="card most-used" data-testid="most-used">
      <One label={text.detail.topModel} loading={!answer} entry={answer?.topModels[0]} total={total} />
      <One label={text.detail.topProvider} loading={!answer} entry={answer?.topProviders[0]} total={total} />
      <One label={text.detail.topApp} loading={!answer} entry={answer?.topApps[0]} total={total} />
    </dl>
  );
}

interface OneProps {
  label: string;
  loading: boolean;
  entry: TopEntry | undefined;
  total: number;
}

function One({ label, loading, entry, total }: OneProps) {
  return (
    <div>
      <dt className="muted">{label}</dt>
      <dd>
        {loading && <Bone width="150px" />}
        {entry && (
          <>
            <strong className="truncate" title={seriesLabel(entry)}>
              {seriesLabel(entry)}
            </strong>
            <span className="muted">{text.detail.ofSpend(spent(entry), shareOf(entry.cost, total))}</span>
          </>
        )}
      </dd>
    </div>
  );
}
