import * as Dialog from "@radix-ui/react-dialog";
import { useQuery } from "@tanstack/react-query";
import { Fragment, useRef } from "react";
import { exactText } from "../../api/exact";
import {
  fetchExplanation,
  type ExplainedAttribution,
  type ExplainedPart,
  type ExplainedQuestion,
  type Explanation,
} from "../../api/explain";
import { count } from "../../format/counts";
import { exactMoney } from "../../format/money";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import type { Cell } from "../../ui/ExplainFigure";
import { explanation } from "../../ui/Failure";
import { Icon } from "../../ui/Icon";
import { Snippet } from "../../ui/Snippet";
import "./explain.css";

const words = text.explain;

interface Props {
  question: ExplainedQuestion;
  cell: Cell;
  onClose: () => void;
}

/** Where one figure comes from. */
export default function ExplainPanel({ question, cell, onClose }: Props) {
  const { label, ...which } = cell;
  const opener = useRef(document.activeElement);
  const answer = useQuery({
    queryKey: ["explain", question, which],
    queryFn: ({ signal }) => fetchExplanation(question, which, { signal }),
  });
  const giveBack = (event: Event) => {
    event.preventDefault();
    if (opener.current instanceof HTMLElement) opener.current.focus({ preventScroll: true });
  };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="scrim explain-scrim" />
        <Dialog.Content className="explain" aria-describedby={undefined} onCloseAutoFocus={giveBack} data-testid="explain-panel">
          <Dialog.Title className="explain-title">{words.title(label)}</Dialog.Title>
          {answer.error && <p role="alert">{explanation(answer.error)}</p>}
          {!answer.data && !answer.error && <Bone width="220px" height="1.6em" />}
          {answer.data && <Answer answer={answer.data} />}
          <Dialog.Close className="button button-quiet button-icon explain-close" aria-label={words.close}>
            <Icon name="close" size={18} />
          </Dialog.Close>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Answer({ answer }: { answer: Explanation }) {
  const { value, bounds, parts, arrival, attribution, reproduce } = answer;
  const known = (n: number | null | undefined) => (n == null ? words.unknown : count(n));
  return (
    <>
      <p className="explain-value">
        <data value={exactText(value, "cost")} data-exact={exactText(value, "cost")} data-testid="explain-value">
          {exactMoney(exactText(value, "cost"))}
        </data>{" "}
        <span className="muted">{words.counts(count(value.requestCount), count(value.totalTokens))}</span>
      </p>
      <p className="muted">{words.bounds(bounds.fromUtc, bounds.toUtc, bounds.timezone, bounds.zoneDatabase)}</p>

      <h3>{words.parts}</h3>
      {parts.map((part, i) => (
        <Part key={i} part={part} />
      ))}

      <h3>{words.whose}</h3>
      <ul className="explain-list">
        {attribution.map((one, i) => (
          <li key={i}>
            <span>
              {nameOf(one)} <span className="muted">{by(one)}</span>
            </span>
            <span className="number">{exactMoney(exactText(one, "cost"))}</span>
          </li>
        ))}
      </ul>

      <h3>{words.arrival}</h3>
      <dl className="explain-facts">
        {[
          [words.first, arrival.first ?? words.unknown],
          [words.last, arrival.last ?? words.unknown],
          [words.late, known(arrival.lateRequestCount)],
          [words.duplicates, known(arrival.duplicateCount)],
          [words.rejected, known(arrival.rejectedCount)],
          [words.complete, answer.asOf],
        ].map(([name, fact]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{fact}</dd>
          </Fragment>
        ))}
      </dl>

      <h3>{words.again}</h3>
      <Snippet label={words.command} code={reproduce.cli} />
      <Snippet label={words.question} code={reproduce.http} />
    </>
  );
}

const kinds = ["input", "cached", "cacheWrite", "output", "reasoning"] as const;

function Part({ part }: { part: ExplainedPart }) {
  const { costByKind, tokens } = part;
  return (
    <table className="explain-part" data-testid="explain-part">
      <thead>
        <tr>
          <th scope="col">
            {words.sources[part.costSource]}
            {part.priceVersion && <span className="muted"> {words.prices(part.priceVersion)}</span>}
          </th>
          <th scope="col" className="number">
            {words.requests(count(part.requestCount))}
          </th>
          <th scope="col" className="number" data-exact={exactText(part, "cost")}>
            {part.costSource === "unpriced" ? text.noPrice : exactMoney(exactText(part, "cost"))}
          </th>
        </tr>
      </thead>
      <tbody>
        {kinds
          .filter((kind) => tokens[kind] > 0)
          .map((kind) => (
            <tr key={kind}>
              <th scope="row">{words.kinds[kind]}</th>
              <td className="number">{count(tokens[kind])}</td>
              <td className="number">
                {costByKind && part.costSource === "priced" ? exactMoney(exactText(costByKind, kind)) : ""}
              </td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

function nameOf(one: ExplainedAttribution): string {
  return text.nameless[one.label as keyof typeof text.nameless] ?? one.label;
}

function by({ by, subject, from, to }: ExplainedAttribution): string {
  if (by !== "assignment") return words.by[by];
  const [what, id] = subject?.apiKeyId
    ? [text.groupings.apiKey, subject.apiKeyId]
    : subject?.userId
      ? [text.groupings.user, subject.userId]
      : [text.groupings.project, subject?.projectId ?? ""];
  return words.assigned(what, id, from ?? "", to ?? null);
}
