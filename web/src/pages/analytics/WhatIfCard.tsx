import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { memo, useId, useState, type FormEvent } from "react";
import { exactText } from "../../api/exact";
import type { UsageQuestion } from "../../api/usageQuestion";
import { fetchWhatIf, type WhatIf } from "../../api/whatIf";
import { count, percent } from "../../format/counts";
import { exactMoney, money } from "../../format/money";
import { text } from "../../text";
import { explanation } from "../../ui/Failure";

const words = text.whatIf;

interface Props {
  question: UsageQuestion;
  /** Models to begin with: those that are in use. */
  models: readonly string[];
}

/** What the window's usage would have cost with another model, asked when somebody names one. */
export default function WhatIfCard({ question, models }: Props) {
  const [onModel, setOnModel] = useState("");
  const ids = useId();
  const answer = useQuery({
    queryKey: ["what-if", question, onModel],
    queryFn: ({ signal }) => fetchWhatIf(question, onModel, { signal }),
    enabled: onModel !== "",
    placeholderData: keepPreviousData,
  });
  const failed = answer.error !== null && !answer.isPlaceholderData;
  return (
    <section className="card panel what-if" aria-labelledby={`${ids}-title`} data-testid="what-if">
      <header className="panel-header">
        <h2 id={`${ids}-title`}>{words.title}</h2>
      </header>
      <ModelForm models={models} onAsk={setOnModel} />
      <div className="what-if-answer">
        <div role="status">
          {failed && <p data-testid="what-if-failed">{explanation(answer.error)}</p>}
          {answer.data && !failed && <Estimate answer={answer.data} />}
        </div>
        <p className="muted what-if-note">{words.note}</p>
      </div>
    </section>
  );
}

interface ModelFormProps {
  models: readonly string[];
  onAsk: (model: string) => void;
}

/** Drawn anew only for other models: an input has its name set again whenever it is. */
const ModelForm = memo(function ModelForm({ models, onAsk }: ModelFormProps) {
  const ids = useId();
  const ask = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget).get("onModel");
    onAsk(typeof given === "string" ? given.trim() : "");
  };
  return (
    <form className="what-if-form" onSubmit={ask}>
      <label htmlFor={`${ids}-model`}>{words.onModel}</label>
      <input
        id={`${ids}-model`}
        className="field"
        name="onModel"
        list={`${ids}-models`}
        maxLength={512}
        autoComplete="off"
        spellCheck={false}
        placeholder="gpt-4o-mini"
        data-testid="what-if-model"
      />
      <datalist id={`${ids}-models`}>
        {models.map((model) => (
          <option key={model} value={model} />
        ))}
      </datalist>
      <button type="submit" className="button" data-testid="what-if-ask">
        {words.ask}
      </button>
    </form>
  );
});

function Estimate({ answer: { onModel, totals } }: { answer: WhatIf }) {
  const { comparedCost, estimate, difference, notComparedRequestCount } = totals;
  const share = comparedCost === 0 ? null : percent(Math.abs(difference) / comparedCost);
  const exact = exactText(totals, "estimate");
  return (
    <>
      <p>
        {words.wouldHave(onModel)}{" "}
        <data value={exact} data-exact={exact} title={exactMoney(exact)} data-testid="what-if-estimate">
          {words.about(money(estimate))}
        </data>{" "}
        {words.insteadOf(money(comparedCost))}
        {difference !== 0 && `: ${difference < 0 ? words.less(money(-difference), share) : words.more(money(difference), share)}`}
        .
      </p>
      {notComparedRequestCount > 0 && <p className="muted">{words.notCompared(count(notComparedRequestCount))}</p>}
    </>
  );
}
