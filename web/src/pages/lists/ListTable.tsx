import type { CSSProperties, ReactNode } from "react";
import { useLocation } from "wouter";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { Icon } from "../../ui/Icon";
import { isRowClick } from "../parts/RankTable";
import "./lists.css";

export interface Column<Row, Name extends string> {
  name: Name;
  label: string;
  numeric?: boolean;
  /** Left out where there is no room; sorting by it stays possible there. */
  wideOnly?: boolean;
  cell: (row: Row) => ReactNode;
  /** The number behind the text, as the server wrote it. */
  exact?: (row: Row) => string;
  hint?: (row: Row) => string | undefined;
  foot?: { shown: ReactNode; exact?: string; hint?: string };
  /** Under the cell, where columns beside it have no room. */
  headBeneath?: string;
  beneath?: (row: Row) => ReactNode;
  footBeneath?: ReactNode;
}

interface Props<Row, Name extends string> {
  label: string;
  columns: readonly Column<Row, Name>[];
  /** Null while the answer is on its way. */
  rows: readonly Row[] | null;
  idOf: (row: Row) => string;
  pathOf: (row: Row) => string | null;
  /** Share of the largest, drawn as a bar beside the first number. */
  partOf: (row: Row) => number;
  sort: Name;
  descending: boolean;
  onSort: (sort: Name, descending: boolean) => void;
  footLabel: ReactNode;
  testId: string;
}

const SKELETON_ROWS = 12;

export function ListTable<Row, Name extends string>(props: Props<Row, Name>) {
  const { columns, rows, sort, descending, onSort } = props;
  const [, navigate] = useLocation();
  const first = columns.find((column) => column.numeric)?.name;

  return (
    <table className="list" aria-label={props.label} data-testid={props.testId}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th
              key={column.name}
              scope="col"
              className={classOf(column)}
              aria-sort={column.name === sort ? (descending ? "descending" : "ascending") : undefined}
            >
              <button
                type="button"
                className="sort"
                // Numbers are asked for largest first, names from A.
                onClick={() => onSort(column.name, column.name === sort ? !descending : (column.numeric ?? false))}
                data-testid={`sort-${column.name}`}
              >
                {column.label}
                <span className="sort-mark" data-on={column.name === sort} data-descending={descending}>
                  <Icon name="chevronDown" size={12} />
                </span>
              </button>
              {column.headBeneath && <span className="list-beneath">{column.headBeneath}</span>}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows
          ? rows.map((row) => {
              const path = props.pathOf(row);
              return (
                <tr
                  key={props.idOf(row)}
                  style={{ "--part": props.partOf(row) } as CSSProperties}
                  data-leads={path !== null}
                  onClick={path === null ? undefined : (event) => isRowClick(event) && navigate(path)}
                  data-testid="list-row"
                  data-key={props.idOf(row)}
                >
                  {columns.map((column, i) => {
                    const Cell = i === 0 ? "th" : "td";
                    return (
                      <Cell
                        key={column.name}
                        scope={i === 0 ? "row" : undefined}
                        className={classOf(column)}
                        title={column.hint?.(row)}
                        data-field={column.name}
                        data-exact={column.exact?.(row)}
                      >
                        {column.name === first ? (
                          <span className="list-share">
                            <span className="list-bar" aria-hidden="true" />
                            <span>{column.cell(row)}</span>
                          </span>
                        ) : (
                          column.cell(row)
                        )}
                        {column.beneath && <span className="list-beneath muted">{column.beneath(row)}</span>}
                      </Cell>
                    );
                  })}
                </tr>
              );
            })
          : Array.from({ length: SKELETON_ROWS }, (_, i) => (
              <tr key={i}>
                {columns.map((column, at) => (
                  <td key={column.name} className={classOf(column)}>
                    <Bone width={at === 0 ? `${170 - (i % 5) * 14}px` : "56px"} />
                  </td>
                ))}
              </tr>
            ))}
        {rows?.length === 0 && (
          <tr>
            <td colSpan={columns.length} className="list-none muted">
              {text.lists.none}
            </td>
          </tr>
        )}
      </tbody>
      <tfoot>
        <tr data-testid="list-foot">
          {columns.map((column, i) =>
            i === 0 ? (
              <th key={column.name} scope="row" className={classOf(column)}>
                {props.footLabel}
              </th>
            ) : (
              <td
                key={column.name}
                className={classOf(column)}
                title={column.foot?.hint}
                data-field={column.name}
                data-exact={column.foot?.exact}
              >
                {column.foot ? column.foot.shown : null}
                {column.footBeneath && <span className="list-beneath muted">{column.footBeneath}</span>}
              </td>
            ),
          )}
        </tr>
      </tfoot>
    </table>
  );
}

function classOf(column: { numeric?: boolean; wideOnly?: boolean }): string | undefined {
  return [column.numeric && "number", column.wideOnly && "roomy-only"].filter(Boolean).join(" ") || undefined;
}
