import type { ReconciliationQuestion } from "../../api/reconciliation";
import { spanText } from "../../format/dates";
import { text } from "../../text";
import { Icon } from "../../ui/Icon";
import { Snippet } from "../../ui/Snippet";

const words = text.reconciliation;

/** How the reports come here, for whoever runs the server. */
export function NothingImported({ question }: { question: ReconciliationQuestion }) {
  const { organizationId, provider, from, to } = question;
  const about = `--provider ${provider} --organization ${organizationId}`;
  const pull = `${words.keys[provider]}=… \\\n  rollcall invoice pull ${about} \\\n  --from ${from} --to ${to} --data-dir DIR`;
  const take = `rollcall invoice import costs.json usage.json \\\n  ${about} --data-dir DIR`;
  return (
    <section className="card notice nothing-imported" data-testid="nothing-imported">
      <span className="notice-mark" data-tone="calm">
        <Icon name="inbox" size={20} />
      </span>
      <h2>{words.noneTitle(words.providers[provider])}</h2>
      <p>{words.none(spanText(from, to))}</p>
      <p>{words.pull}</p>
      <Snippet code={pull} label={words.pull} />
      <p>{words.take}</p>
      <Snippet code={take} label={words.take} />
    </section>
  );
}
