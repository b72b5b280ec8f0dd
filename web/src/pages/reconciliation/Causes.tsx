import { exactText } from "../../api/exact";
import type { Comparison } from "../../api/reconciliation";
import { exactMoney } from "../../format/money";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { signedCount, signedMoney } from "../../format/signed";

const words = text.reconciliation;
const causes = ["missing", "aborted", "cached", "unpriced", "price", "rounding"] as const;
type Cause = (typeof causes)[number];

/** Where the gap of the whole window comes from; each column adds up to its last line. */
export function Causes({ totals }: { totals: Comparison | null }) {
  return (
    <section className="card list-panel" aria-labelledby="causes-title">
      <h2 id="causes-title" className="causes-title">
        {words.causesTitle}
      </h2>
      <table className="list causes" aria-labelledby="causes-title" data-testid="causes-table">
        <thead>
          <tr>
            <th scope="col">{words.cause}</th>
            <th scope="col" className="number roomy-only">
              {text.metrics.requests}
            </th>
            <th scope="col" className="number roomy-only">
              {text.metrics.tokens}
            </th>
            <th scope="col" className="number">
              {text.metrics.cost}
            </th>
          </tr>
        </thead>
        <tbody>
          {causes.map((cause) => (
            <Line key={cause} name={words.causes[cause]} hint={words.causeHints[cause]} totals={totals} cause={cause} />
          ))}
        </tbody>
        <tfoot>
          <Line name={words.gap} totals={totals} cause="gap" />
        </tfoot>
      </table>
    </section>
  );
}

interface LineProps {
  name: string;
  hint?: string;
  totals: Comparison | null;
  cause: Cause | "gap";
}

function Line({ name, hint, totals, cause }: LineProps) {
  return (
    <tr data-testid="cause" data-key={cause}>
      <th scope="row">
        <span className="list-name">
          <span>{name}</span>
          {hint && <span className="muted list-second">{hint}</span>}
        </span>
      </th>
      <Count of={totals && totals.requests} known={totals !== null} cause={cause} />
      <Count of={totals && totals.tokens} known={totals !== null} cause={cause} />
      <Money of={totals && totals.cost} known={totals !== null} cause={cause} />
    </tr>
  );
}

type Counts = { [cause in "gap" | "missing" | "aborted" | "cached"]: number };
type Amounts = { [cause in "gap" | Exclude<Cause, "cached">]: number };

function Count({ of, known, cause }: { of: Counts | null; known: boolean; cause: Cause | "gap" }) {
  const named = cause === "unpriced" || cause === "price" || cause === "rounding" ? null : cause;
  if (!known) return <Unfinished wide />;
  return (
    <td className="number roomy-only" data-exact={of && named ? exactText(of, named) : undefined}>
      {named === null ? "" : of ? signedCount(of[named]) : words.unknown}
    </td>
  );
}

function Money({ of, known, cause }: { of: Amounts | null; known: boolean; cause: Cause | "gap" }) {
  const named = cause === "cached" ? null : cause;
  if (!known) return <Unfinished />;
  const exact = of && named ? exactText(of, named) : undefined;
  return (
    <td className="number" data-exact={exact} title={exact && exactMoney(exact)}>
      {named === null ? "" : of ? signedMoney(of[named]) : words.unknown}
    </td>
  );
}

function Unfinished({ wide = false }: { wide?: boolean }) {
  return (
    <td className={wide ? "number roomy-only" : "number"}>
      <Bone width="56px" />
    </td>
  );
}
