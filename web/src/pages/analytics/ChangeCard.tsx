import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useId, type CSSProperties } from "react";
import { fetchChange, type Change } from "../../api/change";
import { exactText } from "../../api/exact";
import type { UsageQuestion } from "../../api/usageQuestion";
import { spent } from "../../charts/measure";
import { exactMoney } from "../../format/money";
import { signedMoney } from "../../format/signed";
import type { Grouping } from "../../state/filters";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { explanation } from "../../ui/Failure";
import { useSettled } from "../../ui/useSettled";
import { earlierText, incomparable } from "../parts/Changed";
import { InsideLine } from "./InsideLine";
import { insideQuestion } from "./inside";
import { answeredPivots } from "./steps";
import { movedMost, waterfall, type Bar } from "./waterfall";

const words = text.change;
const SENTENCES = 5;
/** Before, eight causes, after. */
const ROWS = 10;

interface Props {
  question: UsageQuestion;
  groupBy: readonly Grouping[];
  /** The answer above is to this question, and has been shown for a moment. */
  enabled: boolean;
  refetchInterval: number | false;
}

/** Why the window cost more or less than the one before. */
export default function ChangeCard({ question, groupBy, enabled, refetchInterval }: Props) {
  const id = useId();
  const answer = useQuery({
    queryKey: ["change", question, groupBy],
    queryFn: ({ signal }) => fetchChange(question, groupBy, { signal }),
    placeholderData: keepPreviousData,
    enabled,
    refetchInterval,
  });
  const change = answer.data ?? null;
  const failed = answer.error !== null && !answer.isPlaceholderData;
  const settled = useSettled(answer.isPlaceholderData ? null : change);
  return (
    <section className="card panel change-card" aria-labelledby={id} data-testid="change-card" data-busy={answer.isPending}>
      <header className="panel-header">
        <h2 id={id}>{words.title}</h2>
        <span className="muted">{change && words.versus(earlierText(change.before))}</span>
      </header>
      {failed ? (
        <p role="alert">{explanation(answer.error)}</p>
      ) : (
        <div className="change-parts">
          <Waterfall change={change} />
          <Sentences
            change={change}
            question={question}
            enabled={enabled && settled}
            refetchInterval={refetchInterval}
          />
        </div>
      )}
    </section>
  );
}

function Waterfall({ change }: { change: Change | null }) {
  if (change === null) {
    return (
      <div className="waterfall">
        {Array.from({ length: ROWS }, (_, i) => (
          <div key={i} className="waterfall-row">
            <Bone width="120px" />
          </div>
        ))}
      </div>
    );
  }
  return (
    <dl className="waterfall" data-testid="waterfall">
      {waterfall(change).map((bar) => (
        <div key={bar.name} className="waterfall-row" data-cause={bar.name} data-exact={exactOf(change, bar)}>
          <dt>{words.causes[bar.name]}</dt>
          <dd title={exactMoney(exactOf(change, bar))}>
            <span className="waterfall-track" aria-hidden="true">
              <span
                className="waterfall-bar"
                data-kind={kindOf(bar)}
                style={{ "--start": bar.start, "--size": bar.end - bar.start } as CSSProperties}
              />
            </span>
            <span className="waterfall-amount">{amountText(change, bar)}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

const isSum = ({ name }: Bar) => name === "before" || name === "after";

const kindOf = (bar: Bar) => (isSum(bar) ? "sum" : bar.amount < 0 ? "less" : "more");

/** Where nothing has a price, nobody knows what was spent; and of nothing there is no amount. */
function amountText(change: Change, { name, amount }: Bar): string {
  if (name !== "before" && name !== "after") return amount === 0 ? "–" : signedMoney(amount);
  const side = change[name];
  return side.cost === 0 && side.requestCount === 0 ? "–" : spent(side);
}

function exactOf(change: Change, { name }: Bar): string {
  if (name === "before" || name === "after") return exactText(change[name], "cost");
  const part = change.parts.find(({ cause }) => cause === name);
  return part ? exactText(part, "cost") : "0";
}

interface SentencesProps extends Omit<Props, "groupBy"> {
  change: Change | null;
}

function Sentences({ change, question, enabled, refetchInterval }: SentencesProps) {
  if (change === null) {
    return (
      <div className="change-sentences">
        {Array.from({ length: SENTENCES }, (_, i) => (
          <Bone key={i} width={`${260 - i * 24}px`} />
        ))}
      </div>
    );
  }
  const fault = incomparable(change.before);
  const moved = fault === null ? movedMost(change, SENTENCES) : [];
  // While a former answer stands in, its own pivots count.
  const pivots = answeredPivots(change.groupBy);
  return (
    <ul className="change-sentences">
      {fault !== null && <li className="muted">{fault}</li>}
      {fault === null && moved.length === 0 && <li className="muted">{words.nothing}</li>}
      {moved.map(({ id, keys, label, amount, cause, ofThat }) => {
        const asked = insideQuestion(question, pivots, keys);
        return (
          <li key={id} data-testid="change-sentence" data-key={id}>
            <strong>{label}</strong> {signedMoney(amount)}
            {ofThat === null
              ? `: ${words.causes[cause]}`
              : words.ofThat(words.causes[cause], signedMoney(ofThat))}
            {asked && <InsideLine asked={asked} enabled={enabled} refetchInterval={refetchInterval} />}
          </li>
        );
      })}
    </ul>
  );
}
