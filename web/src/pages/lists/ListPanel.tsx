import type { ReactNode } from "react";
import { useDimmed } from "../../ui/useDimmed";
import type { Change } from "../useAddress";
import { ListTable, type Column } from "./ListTable";
import { ListTools } from "./ListTools";

interface View<Name extends string> {
  search: string;
  sort: Name;
  descending: boolean;
}

interface Props<Row, Name extends string> {
  label: string;
  placeholder: string;
  view: View<Name>;
  onChange: Change<View<Name>>;
  columns: readonly Column<Row, Name>[];
  /** Null while the answer is on its way. */
  rows: readonly Row[] | null;
  /** While the next answer is on its way. */
  former: boolean;
  idOf: (row: Row) => string;
  pathOf: (row: Row) => string | null;
  /** The rows whose largest cost fills the bar. */
  among: readonly { cost: number }[] | null;
  csv: string;
  found: string;
  footLabel: ReactNode;
  testId: string;
}

/** A list of rows of usage, with what it is searched and sorted by. */
export function ListPanel<Row extends { cost: number }, Name extends string>(props: Props<Row, Name>) {
  const { label, view, onChange, columns, rows, former, among } = props;
  const dimmed = useDimmed(former);
  const largest = Math.max(0, ...(among ?? []).map((row) => row.cost));
  const onSort = (sort: Name, descending: boolean) => onChange({ sort, descending });
  return (
    <section className="card list-panel activity" data-former={dimmed} aria-label={label}>
      <ListTools
        placeholder={props.placeholder}
        search={view.search}
        onSearch={(search) => onChange({ search }, "replace")}
        sort={view.sort}
        columns={columns}
        onSort={onSort}
        csv={props.csv}
        found={props.found}
      />
      <ListTable
        label={label}
        columns={columns}
        rows={rows}
        idOf={props.idOf}
        pathOf={props.pathOf}
        partOf={(row) => (largest === 0 ? 0 : row.cost / largest)}
        sort={view.sort}
        descending={view.descending}
        onSort={onSort}
        footLabel={props.footLabel}
        testId={props.testId}
      />
    </section>
  );
}
