import { useEffect, useState } from "react";
import { requestText } from "../../api/request";
import { text } from "../../text";
import { Copy } from "../../ui/Copy";
import { Icon } from "../../ui/Icon";

interface SortProps<Name extends string> {
  sort: Name;
  columns: readonly { name: Name; label: string; numeric?: boolean }[];
  onSort: (sort: Name, descending: boolean) => void;
}

interface Props<Name extends string> extends SortProps<Name> {
  placeholder: string;
  search: string;
  onSearch: (search: string) => void;
  csv: string;
  found: string;
}

export function ListTools<Name extends string>({ placeholder, search, onSearch, csv, found, ...sorting }: Props<Name>) {
  // The field follows the keys at once; the address, which is the truth, may change from outside.
  const [typed, setTyped] = useState(search);
  useEffect(() => setTyped(search), [search]);

  return (
    <div className="list-tools">
      <label className="list-search">
        <span className="visually-hidden">{placeholder}</span>
        <Icon name="search" />
        <input
          type="search"
          className="field"
          placeholder={placeholder}
          value={typed}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => {
            setTyped(event.target.value);
            onSearch(event.target.value);
          }}
          data-testid="list-search"
        />
      </label>
      <span className="muted list-found" role="status" data-testid="list-found">
        {found}
      </span>
      <ListSort {...sorting} />
      <ListTake csv={csv} />
    </div>
  );
}

/** Where there is no room for the columns' headings. */
export function ListSort<Name extends string>({ sort, columns, onSort }: SortProps<Name>) {
  const choose = (name: Name) => onSort(name, columns.find((column) => column.name === name)?.numeric ?? false);
  return (
    <label className="list-sort">
      <span className="visually-hidden">{text.lists.sortBy}</span>
      <select className="field" value={sort} onChange={(event) => choose(event.target.value as Name)} data-testid="list-sort">
        {columns.map(({ name, label }) => (
          <option key={name} value={name}>
            {text.lists.sortedBy(label)}
          </option>
        ))}
      </select>
    </label>
  );
}

export function ListTake({ csv }: { csv: string }) {
  return (
    <span className="list-take">
      <Copy
        className="button button-quiet button-icon"
        icon="copy"
        label={text.chart.copyCsv}
        what={() => requestText(csv)}
        small
        testId="list-copy"
      />
      <a className="button" href={csv} download data-testid="list-csv">
        <Icon name="download" />
        {text.lists.csv}
      </a>
    </span>
  );
}
