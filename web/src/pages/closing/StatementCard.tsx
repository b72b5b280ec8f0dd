import {
  statementPath,
  type Statement,
  type StatementLine,
  type StatementQuestion,
  type StatementSums,
} from "../../api/closings";
import { exactText } from "../../api/exact";
import { spent } from "../../charts/measure";
import { count } from "../../format/counts";
import { monthText } from "../../format/dates";
import { fileName } from "../../format/fileName";
import { exactMoney } from "../../format/money";
import { signedCount, signedMoney } from "../../format/signed";
import { disclosures, statementGroupings, type ClosingView } from "../../state/closingView";
import { text } from "../../text";
import { Icon } from "../../ui/Icon";
import { Segmented } from "../../ui/Segmented";
import { Select } from "../../ui/Select";
import { EntryName } from "../administration/EntryTable";
import { PartlyUnpriced } from "../parts/UnpricedTag";
import type { Change } from "../useAddress";
import { daysOf } from "./months";

const words = text.closing.statement;
const formats = ["csv", "json", "html"] as const;

interface Props {
  question: StatementQuestion;
  zone: string;
  /** Null while it is on its way. */
  statement: Statement | null;
  onChange: Change<ClosingView>;
}

/** A month as it is to be paid: its own lines, what came of earlier ones, and both together. */
export function StatementCard({ question, zone, statement, onChange }: Props) {
  const { organizationId, month, groupBy, disclosure } = question;
  return (
    <section className="card list-panel" aria-labelledby="statement-title">
      <div className="list-tools statement-tools">
        <h2 id="statement-title">{words.title}</h2>
        <Segmented
          label={words.by}
          choices={statementGroupings.map((value) => ({ value, label: text.groupings[value] }))}
          value={groupBy}
          onChange={(by) => onChange({ by })}
          testIdPrefix="statement-by"
        />
        <Select
          label={words.disclosure}
          choices={disclosures.map((value) => ({ value, label: words.disclosures[value] }))}
          value={disclosure}
          onChange={(disclosure) => onChange({ disclosure })}
          testId="disclosure"
        />
        <span className="list-take">
          {formats.map((format) => (
            <a
              key={format}
              className="button"
              href={statementPath(question, format)}
              download={fileName(organizationId, `statement-by-${groupBy}`, daysOf(month), zone, format)}
              data-testid={`statement-${format}`}
            >
              <Icon name="download" />
              {format.toUpperCase()}
            </a>
          ))}
        </span>
      </div>
      <p className="muted page-lead statement-note">{words.disclosureHints[disclosure]}</p>
      {statement && <Lines statement={statement} label={text.groupings[groupBy]} />}
    </section>
  );
}

function Lines({ statement, label }: { statement: Statement; label: string }) {
  return (
    <table className="list statement" aria-labelledby="statement-title" data-testid="statement-table">
      <thead>
        <tr>
          <th scope="col">{label}</th>
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
        {statement.lines.map((line, i) => (
          <Line key={i} line={line} kind="line" />
        ))}
        {statement.lines.length === 0 && (
          <tr>
            <td colSpan={4} className="list-none muted">
              {words.none}
            </td>
          </tr>
        )}
      </tbody>
      {statement.adjustments.map(({ month, reason, lines }) => (
        <tbody key={`${month} ${reason}`} data-testid="adjustment" data-month={month} data-reason={reason}>
          <tr className="statement-part">
            <th colSpan={4} scope="rowgroup">
              {words.adjustment(monthText(`${month}-01`))}: {words.reasons[reason]}
            </th>
          </tr>
          {lines.map((line, i) => (
            <Line key={i} line={line} kind="adjustment" />
          ))}
        </tbody>
      ))}
      <tfoot>
        <tr data-testid="statement-total">
          <th scope="row">{words.total}</th>
          <Figures of={statement.totals} />
        </tr>
      </tfoot>
    </table>
  );
}

function Line({ line, kind }: { line: StatementLine; kind: "line" | "adjustment" }) {
  const { key = null, label } = line;
  const name = key === null ? (text.nameless[label as keyof typeof text.nameless] ?? label) : label;
  return (
    <tr data-testid={`statement-${kind}`} data-key={key ?? ""}>
      <th scope="row">
        <EntryName name={name} second={key} />
      </th>
      <Figures of={line} signed={kind === "adjustment"} />
    </tr>
  );
}

/** What came later is more or less of something, so it has a sign. */
function Figures({ of, signed = false }: { of: StatementSums; signed?: boolean }) {
  const counted = signed ? signedCount : count;
  const exact = exactText(of, "cost");
  return (
    <>
      {(["requestCount", "totalTokens"] as const).map((field) => (
        <td key={field} className="number roomy-only" data-field={field} data-exact={exactText(of, field)}>
          {counted(of[field])}
        </td>
      ))}
      <td className="number" title={exactMoney(exact)} data-field="cost" data-exact={exact}>
        {signed ? signedMoney(of.cost) : spent(of)}
        <PartlyUnpriced of={of} />
      </td>
    </>
  );
}
