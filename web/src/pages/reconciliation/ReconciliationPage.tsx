import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { reconciliationQuery } from "../../api/queries";
import { billers, reconciliationCsvPath, type Reconciliation } from "../../api/reconciliation";
import type { Me, Organization } from "../../api/types";
import { momentText } from "../../format/dates";
import { sortedBy } from "../../state/listView";
import {
  readReconciliationView,
  rowKinds,
  writeReconciliationView,
  type ReconciliationColumn,
  type ReconciliationView,
} from "../../state/reconciliationView";
import { text } from "../../text";
import { Segmented } from "../../ui/Segmented";
import { ListTable } from "../lists/ListTable";
import { ListSort, ListTake } from "../lists/ListTools";
import { Answer } from "../parts/Answer";
import { Guarded } from "../parts/Guarded";
import { PageHeader } from "../parts/PageHeader";
import { analyticsPath } from "../routes";
import { useAddress, type Change } from "../useAddress";
import { useTitle } from "../useTitle";
import { useQuestion } from "../window/useQuestion";
import { useCalendar } from "../window/WithCalendar";
import { Causes } from "./Causes";
import { columnsFor, rowId, valueOf } from "./columns";
import { GapCards } from "./GapCards";
import { NothingImported } from "./NothingImported";
import "../parts/page.css";
import "./reconciliation.css";

interface Props {
  me: Me;
  organization: Organization;
}

const words = text.reconciliation;
const spelling = { read: readReconciliationView, write: writeReconciliationView };

export default function ReconciliationPage({ me, organization }: Props) {
  useTitle(words.title, organization.name);
  return (
    <Guarded me={me} organization={organization} title={words.title}>
      <Compared organization={organization} />
    </Guarded>
  );
}

function Compared({ organization }: { organization: Organization }) {
  const [view, change] = useAddress(spelling);
  const calendar = useCalendar();
  const { today, question: span } = useQuestion(organization.id, view, true);
  const { organizationId, from, to } = span;
  const question = useMemo(
    () => ({ organizationId, provider: view.provider, from, to }),
    [organizationId, view.provider, from, to],
  );
  const query = useQuery(reconciliationQuery(question, view.by));
  const answer = query.data ?? null;
  const nothing = answer !== null && !query.isPlaceholderData && answer.costDays + answer.usageDays === 0;

  return (
    <div className="page reconciliation" data-testid="reconciliation" data-busy={query.isPending || query.isPlaceholderData}>
      <PageHeader
        title={words.title}
        facts={
          <p className="muted page-fact">
            <span className="print-only" data-testid="printed-provider">
              {words.provider}: {words.providers[view.provider]}
            </span>
            {words.days} {answer?.importedAt && words.imported(momentText(answer.importedAt, calendar))}
          </p>
        }
        organization={organization}
        view={view}
        span={span}
        today={today}
        asOf={undefined}
        inUtc
        onChange={change}
      />
      <div className="group-by">
        <Segmented
          label={words.provider}
          choices={billers.map((value) => ({ value, label: words.providers[value] }))}
          value={view.provider}
          onChange={(provider) => change({ provider })}
          testIdPrefix="provider"
        />
      </div>
      <Answer query={query} away={{ href: analyticsPath(organization.id, view), label: text.errors.home }}>
        {nothing ? (
          <NothingImported question={question} />
        ) : (
          <>
            <GapCards answer={answer} />
            <Causes totals={answer?.totals ?? null} />
            <Rows
              answer={answer}
              view={view}
              csv={reconciliationCsvPath(question)}
              footLabel={organization.name}
              onChange={change}
            />
          </>
        )}
      </Answer>
    </div>
  );
}

interface RowsProps {
  answer: Reconciliation | null;
  view: ReconciliationView;
  csv: string;
  footLabel: string;
  onChange: Change<ReconciliationView>;
}

function Rows({ answer, view, csv, footLabel, onChange }: RowsProps) {
  const { by, sort, descending } = view;
  const rows = useMemo(
    () => answer && sortedBy(answer.rows, (row) => valueOf(row, sort), descending),
    [answer, sort, descending],
  );
  const columns = columnsFor(by, answer);
  const onSort = (sort: ReconciliationColumn, descending: boolean) => onChange({ sort, descending });
  return (
    <section className="card list-panel" aria-label={words.rows}>
      <div className="list-tools">
        <Segmented
          label={words.rowsBy}
          choices={rowKinds.map((value) => ({ value, label: words.rowKinds[value] }))}
          value={by}
          onChange={(by) => onChange({ by })}
          testIdPrefix="rows-by"
        />
        <ListSort sort={sort} columns={columns} onSort={onSort} />
        <ListTake csv={csv} />
      </div>
      <ListTable
        label={words.rows}
        columns={columns}
        rows={rows}
        idOf={rowId}
        pathOf={() => null}
        partOf={() => 0}
        sort={sort}
        descending={descending}
        onSort={onSort}
        footLabel={footLabel}
        testId="reconciliation-table"
      />
    </section>
  );
}
