import { useMutation, useQuery } from "@tanstack/react-query";
import { BACKUP_PATH, compactStore, verifyStore } from "../../api/administration";
import { bytes, count } from "../../format/counts";
import { momentText } from "../../format/dates";
import { text } from "../../text";
import { explanation } from "../../ui/Failure";
import { Icon } from "../../ui/Icon";
import { Snippet } from "../../ui/Snippet";
import { useCalendar } from "../window/WithCalendar";
import { backupsQuery } from "./queries";
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
        <Backups />
      </div>
    </section>
  );
}

/** Each backup that lies beside the server, with the command that brings it back. */
function Backups() {
  const { data, error } = useQuery(backupsQuery);
  const calendar = useCalendar();
  if (error && !data) return <Bad>{explanation(error)}</Bad>;
  if (!data) return null;
  if (data.backups.length === 0) {
    return (
      <>
        <p className="muted">{data.directory ? words.noBackups(data.directory) : words.noSchedule}</p>
        <Snippet label={words.restoreTitle} code="rollcall restore BACKUP.redb --data-dir DIR --force" />
      </>
    );
  }
  return (
    <ul className="backups" data-testid="backups">
      {data.backups.map(({ name, bytes: size, writtenAt, restore }) => (
        <li key={name} data-testid="backup-entry">
          <p>
            {name} <span className="muted">{words.backupFacts(momentText(writtenAt, calendar), bytes(size))}</span>
          </p>
          <Snippet label={words.restoreOf(name)} code={restore} />
        </li>
      ))}
    </ul>
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
