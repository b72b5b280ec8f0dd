import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { count } from "../../format/counts";
import { momentText } from "../../format/dates";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { Failure } from "../../ui/Failure";
import { Facts } from "../parts/Facts";
import { useCalendar } from "../window/WithCalendar";
import { AdministrationHeader } from "./AdministrationHeader";
import { FeedsTable } from "./FeedsTable";
import { Keeping } from "./Keeping";
import { readMetrics, type Metrics } from "./metrics";
import { metricsQuery, readinessQuery } from "./queries";
import { ReferenceData } from "./ReferenceData";

const words = text.administration.health;

/** How the server is doing, as its own endpoints say, and what can be done for the store while it runs. */
export default function StorePage() {
  const answer = useQuery(metricsQuery);
  const metrics = answer.data === undefined ? null : readMetrics(answer.data);
  return (
    <div className="page" data-testid="store" data-busy={answer.isPending}>
      <AdministrationHeader title={text.administration.store} />
      {answer.error && !metrics ? (
        <Failure error={answer.error} onRetry={() => void answer.refetch()} />
      ) : (
        <>
          <section className="cards cards-four" aria-label={text.cards.label}>
            <ServerCard />
            <Card id="events" label={words.accepted} figure={metrics && number(metrics, "events_accepted_total")}>
              {metrics && (
                <Facts>
                  {words.duplicates(number(metrics, "events_duplicate_total"))}
                  {words.waiting(number(metrics, "queue_events"))}
                </Facts>
              )}
            </Card>
            <Card id="commits" label={words.commits} figure={metrics && number(metrics, "commits_total")}>
              {metrics && (
                <Facts>
                  {words.mean(meanMs(metrics))}
                  {words.failed(number(metrics, "commits_failed_total"))}
                </Facts>
              )}
            </Card>
            <BackupCard metrics={metrics} />
          </section>
          {metrics && metrics.feeds.length > 0 && <FeedsTable feeds={metrics.feeds} />}
        </>
      )}
      <ReferenceData />
      <Keeping />
    </div>
  );
}

const number = (metrics: Metrics, name: string) => count(metrics.value(`rollcall_${name}`));

function meanMs(metrics: Metrics): string {
  const commits = metrics.value("rollcall_commits_total");
  const ms = commits === 0 ? 0 : (metrics.value("rollcall_commit_seconds_total") / commits) * 1000;
  return ms.toFixed(1);
}

function ServerCard() {
  const { data, error, isPending } = useQuery(readinessQuery);
  return (
    <Card id="server" label={words.server} figure={isPending ? null : error ? words.notReady : words.ready} bad={error !== null}>
      {data && (
        <Facts>
          {words.version(data.version)}
        </Facts>
      )}
    </Card>
  );
}

function BackupCard({ metrics }: { metrics: Metrics | null }) {
  const calendar = useCalendar();
  const last = metrics?.value("rollcall_last_backup_timestamp_seconds") ?? 0;
  const failed = metrics?.value("rollcall_backups_failed_total") ?? 0;
  const figure = last === 0 ? words.noBackup : momentText(new Date(last * 1000).toISOString(), calendar);
  return (
    <Card id="backups" label={words.backups} figure={metrics && figure} bad={failed > 0} small={last > 0}>
      {metrics &&
        (last === 0 && failed === 0 ? (
          words.noBackupHint
        ) : (
          <Facts>
            {words.made(number(metrics, "backups_total"))}
            {words.failed(count(failed))}
          </Facts>
        ))}
    </Card>
  );
}

interface CardProps {
  id: string;
  label: string;
  figure: string | null;
  bad?: boolean;
  /** A moment is longer than a number. */
  small?: boolean;
  children: ReactNode;
}

function Card({ id, label, figure, bad = false, small = false, children }: CardProps) {
  return (
    <article className="card summary" data-testid={`health-${id}`}>
      <h2>{label}</h2>
      <p className={`summary-figure${bad ? " figure-bad" : ""}${small ? " figure-small" : ""}`} data-testid="health-figure">
        {figure ?? <Bone width="110px" height="0.9em" />}
      </p>
      <p className="summary-note muted">{children || <Bone width="130px" />}</p>
    </article>
  );
}
