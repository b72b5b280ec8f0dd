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
/** What the server calls the source of what came with it; another one is a path. */
const BUILT_IN = "built in";

/** What others decide and the server goes by: zone rules and list prices, and what newer prices would change. */
export function ReferenceData() {
  const { zoneDatabase, listPrices } = useQuery(healthQuery).data ?? {};
  return (
    <section className="card keeping" aria-label={words.title}>
      <h2>{words.title}</h2>
      {zoneDatabase?.version && (
        <Dated title={words.zones} {...zoneDatabase} advice={words.zonesAdvice} testId="zone-database">
          {words.edition(zoneDatabase.version)}
        </Dated>
      )}
      {listPrices && (
        <Dated title={words.prices} {...listPrices} advice={words.pricesAdvice} testId="list-prices">
          {words.models(count(listPrices.models))}
        </Dated>
      )}
      <Repricing />
    </section>
  );
}

interface DatedProps {
  title: string;
  date?: Day | null;
  source: string;
  /** How to come by newer ones. */
  advice: string;
  testId: string;
  children: ReactNode;
}

function Dated({ title, date, source, advice, testId, children }: DatedProps) {
  const { today } = useCalendar();
  const age = date ? daysInclusive(date, today) - 1 : 0;
  return (
    <div className="task" data-testid={testId}>
      <div>
        <h3>{title}</h3>
        <p className="muted">
          <Facts>
            {children}
            {date && words.dated(dayText(date))}
            {source === BUILT_IN ? words.builtIn : words.from(source)}
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
