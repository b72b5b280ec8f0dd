import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { reprice, type RepriceAnswer } from "../../api/administration";
import { exactText } from "../../api/exact";
import { count } from "../../format/counts";
import { exactMoney, money } from "../../format/money";
import { text } from "../../text";
import { todayInUtc } from "../../time/clock";
import { addDays } from "../../time/day";
import { useCalendar } from "../window/WithCalendar";
import { FormDialog } from "./FormDialog";
import { repricingQuery, useChange } from "./queries";
import { Good, Task } from "./Task";
import "../lists/lists.css";

const words = text.administration.repricing;
const DAYS = 365;

/** Usage that came before there was a price for it, what it would cost by the prices of now, and booking that. */
export function Repricing() {
  const today = todayInUtc(useCalendar());
  // A call may be a day ahead of the server's clock.
  const days = { from: addDays(today, 1 - DAYS), to: addDays(today, 1) };
  const { data: found, error, isPending } = useQuery(repricingQuery(days));
  const [asking, setAsking] = useState(false);
  const book = useChange(() => reprice(days, false));
  const newlyPriced = found?.totals.newlyPricedRequestCount ?? 0;

  return (
    <Task
      title={words.title}
      lead={words.lead(count(DAYS))}
      error={error}
      result={
        isPending ? (
          <p className="muted">{words.looking}</p>
        ) : (
          <>
            {book.data && <Good>{words.booked(moneyOf(book.data.totals))}</Good>}
            {found && <Found {...found} />}
          </>
        )
      }
      testId="repricing"
    >
      {newlyPriced > 0 && (
        <button type="button" className="button" onClick={() => setAsking(true)} data-testid="reprice">
          {words.book}
        </button>
      )}
      {found && asking && (
        <FormDialog
          title={words.bookTitle(moneyOf(found.totals))}
          lead={words.bookLead}
          submit={words.bookDo}
          onClose={() => setAsking(false)}
          onSubmit={async () => {
            await book.mutateAsync(undefined);
            setAsking(false);
          }}
        >
          <Models models={found.models} />
        </FormDialog>
      )}
    </Task>
  );
}

type Repriced = RepriceAnswer["totals"];

/** Unpriced usage cost nothing before, so what it costs now is what is added. */
const moneyOf = (repriced: Repriced) => money(repriced.costAfter);

const requestsText = (n: number) => words.requests(n, count(n));

function Found({ totals, models }: RepriceAnswer): ReactNode {
  // A model of two organizations is one.
  const priced = new Set(models.filter((one) => one.newlyPricedRequestCount > 0).map((one) => one.model));
  return (
    <>
      {priced.size > 0 && (
        <p className="task-result" data-exact={exactText(totals, "costAfter")}>
          {words.canBePriced(
            requestsText(totals.newlyPricedRequestCount),
            words.models(priced.size, count(priced.size)),
            moneyOf(totals),
          )}
        </p>
      )}
      {totals.unpricedRequestCount > 0 && (
        <p className="task-result">{words.noPrice(requestsText(totals.unpricedRequestCount))}</p>
      )}
      {priced.size + totals.unpricedRequestCount === 0 && <Good>{words.nothing}</Good>}
    </>
  );
}

function Models({ models }: Pick<RepriceAnswer, "models">) {
  return (
    <div className="repriced">
      <table className="list" aria-label={words.title} data-testid="repricing-models">
        <thead>
          <tr>
            <th scope="col">{text.groupings.model}</th>
            <th scope="col" className="number">
              {text.metrics.requests}
            </th>
            <th scope="col" className="number">
              {text.metrics.cost}
            </th>
          </tr>
        </thead>
        <tbody>
          {models
            .filter((one) => one.newlyPricedRequestCount > 0)
            .map((one) => (
              <tr key={`${one.organizationId} ${one.model}`}>
                <th scope="row">
                  {one.model} <span className="muted">{one.organizationId}</span>
                </th>
                <td className="number">{count(one.newlyPricedRequestCount)}</td>
                <td className="number" title={exactMoney(exactText(one, "costAfter"))}>
                  {money(one.costAfter)}
                </td>
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}
