import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { count } from "../../format/counts";
import { dayText } from "../../format/dates";
import { text } from "../../text";
import { daysInclusive, type Day } from "../../time/day";
import { Facts } from "../parts/Facts";
import { useCalendar } from "../window/WithCalendar";
import { healthQuery } from "./queries";
import { Repricing } from "./Repricing";
import { Warning } from "./Task";

const words = text.administration.reference;
/** Rules and prices both change several times a year. */
const OLD_DAYS = 60;

/** What others decide and the server goes by: zone rules and list prices, and what newer prices would change. */
export function ReferenceData() {
  const { data: health } = useQuery(healthQuery);
  return (
    <section className="card keeping" aria-label={words.title}>
      <h2>{words.title}</h2>
      {health && (
        <>
          <Dated title={words.zones} date={health.zoneDatabaseDate} advice={words.zonesAdvice} testId="zone-database">
            {words.edition(health.zoneDatabase)}
            {sourceText(health.zoneDatabaseSource)}
          </Dated>
          <Dated title={words.prices} date={health.listPrices.date} advice={words.pricesAdvice} testId="list-prices">
            {words.models(count(health.listPrices.models))}
            {sourceText(health.listPrices.source)}
          </Dated>
        </>
      )}
      <Repricing />
    </section>
  );
}

function sourceText(source: string): string {
  return (words.sources as Record<string, string>)[source] ?? source;
}

interface DatedProps {
  title: string;
  /** The day they are of. */
  date: Day;
  /** How to come by newer ones. */
  advice: string;
  testId: string;
  children: ReactNode;
}

function Dated({ title, date, advice, testId, children }: DatedProps) {
  const { today } = useCalendar();
  const age = daysInclusive(date, today) - 1;
  return (
    <div className="task" data-testid={testId}>
      <div>
        <h3>{title}</h3>
        <p className="muted">
          <Facts>
            {children}
            {words.dated(dayText(date))}
          </Facts>
        </p>
        {age > OLD_DAYS && (
          <Warning>
            {words.old(age)} {advice}
          </Warning>
        )}
      </div>
    </div>
  );
}
