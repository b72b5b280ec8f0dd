import { useMutation } from "@tanstack/react-query";
import { BACKUP_PATH, compactStore, verifyStore } from "../../api/administration";
import { bytes, count } from "../../format/counts";
import { text } from "../../text";
import { Icon } from "../../ui/Icon";
import { Snippet } from "../../ui/Snippet";
import { Bad, Good, Task } from "./Task";

const words = text.administration.health;

/** What can be done for a store that is being served, and how to bring one back. */
export function Keeping() {
  const verify = useMutation({ mutationFn: verifyStore });
  const compact = useMutation({ mutationFn: compactStore });
  return (
    <section className="card keeping" aria-label={words.keeping}>
      <h2>{words.keeping}</h2>
      <Task title={words.download} lead={words.downloadLead}>
        <a className="button" href={BACKUP_PATH} download data-testid="backup">
          <Icon name="download" />
          {words.downloadDo}
        </a>
      </Task>
      <Task
        title={words.verify}
        lead={words.verifyLead}
        error={verify.error}
        result={verify.data && <VerifyResult {...verify.data} />}
        testId="verify-result"
      >
        <button type="button" className="button" disabled={verify.isPending} onClick={() => verify.mutate()} data-testid="verify">
          {verify.isPending ? words.verifying : words.verifyDo}
        </button>
      </Task>
      <Task
        title={words.compact}
        lead={words.compactLead}
        error={compact.error}
        result={
          compact.data && (
            <Good>
              {words.compacted(
                count(compact.data.after.sealedRows),
                count(compact.data.after.openRows),
                bytes(compact.data.after.allocatedBytes),
              )}
            </Good>
          )
        }
        testId="compact-result"
      >
        <button type="button" className="button" disabled={compact.isPending} onClick={() => compact.mutate()} data-testid="compact">
          {compact.isPending ? words.compacting : words.compactDo}
        </button>
      </Task>
      <div className="task">
        <div>
          <h3>{words.restoreTitle}</h3>
          <p className="muted">{words.restoreLead}</p>
        </div>
        <Snippet label={words.restoreTitle} code="rollcall restore BACKUP.redb --data-dir DIR --force" />
      </div>
    </section>
  );
}

type Verified = Awaited<ReturnType<typeof verifyStore>>;

function VerifyResult({ damage, checked }: Verified) {
  if (damage) {
    return (
      <Bad>
        {words.damage(damage)} {words.damageHelp}
      </Bad>
    );
  }
  if (!checked) return null;
  return <Good>{words.right(count(checked.entries), count(checked.sealedRows + checked.openRows))}</Good>;
}
