import { useEffect, useState, type ReactNode } from "react";
import { useLocation } from "wouter";
import { matchesSearch } from "../../state/listView";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { Icon } from "../../ui/Icon";
import { isRowClick } from "../parts/RankTable";
import "../lists/lists.css";

export interface EntryColumn<Row> {
  name: string;
  label: string;
  numeric?: boolean;
  wideOnly?: boolean;
  cell: (row: Row) => ReactNode;
}

interface Props<Row> {
  label: string;
  columns: readonly EntryColumn<Row>[];
  /** Null while the answer is on its way. */
  rows: readonly Row[] | null;
  idOf: (row: Row) => string;
  /** What a search looks at. */
  textsOf: (row: Row) => readonly (string | null | undefined)[];
  pathOf?: (row: Row) => string;
  actions?: (row: Row) => ReactNode;
  /** The button that adds one. */
  add: ReactNode;
  search: string;
  /** An entry's id that was found in another way, and is looked for as if it had been typed. */
  found?: string | null;
  none: string;
  testId: string;
}

const SKELETON_ROWS = 5;

export function EntryTable<Row>(props: Props<Row>) {
  const { columns, rows, idOf, pathOf, actions } = props;
  const [search, setSearch] = useState("");
  useEffect(() => {
    if (props.found) setSearch(props.found);
  }, [props.found]);
  const [, navigate] = useLocation();
  const shown = rows?.filter((row) => matchesSearch(search, props.textsOf(row))) ?? null;
  const width = columns.length + (actions ? 1 : 0);
  return (
    <section className="card list-panel" aria-label={props.label}>
      <div className="list-tools entry-tools">
        <label className="list-search">
          <span className="visually-hidden">{props.search}</span>
          <Icon name="search" />
          <input
            type="search"
            className="field"
            placeholder={props.search}
            value={search}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setSearch(event.target.value)}
            data-testid="entry-search"
          />
        </label>
        <span className="muted list-found" role="status" data-testid="entry-found">
          {rows && shown && shown.length < rows.length && text.administration.found(shown.length, rows.length)}
        </span>
        {props.add}
      </div>
      <table className="list entries" aria-label={props.label} data-testid={props.testId}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" className={classOf(column)}>
                {column.label}
              </th>
            ))}
            {actions && (
              <th scope="col" className="entry-actions">
                <span className="visually-hidden">{text.administration.actions}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {shown?.map((row) => (
            <tr
              key={idOf(row)}
              data-leads={pathOf !== undefined}
              onClick={pathOf && ((event) => isRowClick(event) && navigate(pathOf(row)))}
              data-testid="entry-row"
              data-key={idOf(row)}
            >
              {columns.map((column, i) => {
                const Cell = i === 0 ? "th" : "td";
                return (
                  <Cell
                    key={column.name}
                    scope={i === 0 ? "row" : undefined}
                    className={classOf(column)}
                    data-field={column.name}
                  >
                    {column.cell(row)}
                  </Cell>
                );
              })}
              {actions && <td className="entry-actions">{actions(row)}</td>}
            </tr>
          ))}
          {shown === null &&
            Array.from({ length: SKELETON_ROWS }, (_, i) => (
              <tr key={i}>
                {columns.map((column, at) => (
                  <td key={column.name} className={classOf(column)}>
                    <Bone width={at === 0 ? `${170 - i * 14}px` : "56px"} />
                  </td>
                ))}
                {actions && <td className="entry-actions" />}
              </tr>
            ))}
          {shown?.length === 0 && (
            <tr>
              <td colSpan={width} className="list-none muted">
                {rows?.length === 0 ? props.none : text.lists.none}
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </section>
  );
}

export function AddButton({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <button type="button" className="button button-primary" onClick={onClick} data-testid="add">
      <Icon name="plus" />
      {label}
    </button>
  );
}

function classOf(column: { numeric?: boolean; wideOnly?: boolean }): string | undefined {
  return [column.numeric && "number", column.wideOnly && "roomy-only"].filter(Boolean).join(" ") || undefined;
}

interface NameProps {
  name: string;
  second?: string | null;
  /** What phones read under the name, where the other columns have no room. */
  small?: string;
  tag?: "deleted" | "former" | null;
  children?: ReactNode;
}

/** An entry's name with what tells it from its namesakes under it. */
export function EntryName({ name, second, small, tag, children }: NameProps) {
  return (
    <span className="list-name">
      <span className="list-name-line">
        {children ?? (
          <span className="truncate" title={name}>
            {name}
          </span>
        )}
        {tag && <span className="tag">{text.ranking[tag]}</span>}
      </span>
      <span className="truncate muted list-second" title={second ?? undefined}>
        {small && (
          <span className="small-only">
            {small}
            {second && second !== name ? " · " : ""}
          </span>
        )}
        {second !== name && second}
      </span>
    </span>
  );
}
