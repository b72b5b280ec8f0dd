import { useEffect, useState } from "react";
import { requestText } from "../../api/request";
import { text } from "../../text";
import { Copy } from "../../ui/Copy";
import { Icon } from "../../ui/Icon";

export interface SortChoice<Name extends string> {
  name: Name;
  label: string;
}

interface Props<Name extends string> {
  placeholder: string;
  search: string;
  onSearch: (search: string) => void;
  sort: Name;
  choices: readonly SortChoice<Name>[];
  onSort: (sort: Name) => void;
  csv: string;
  found: string;
}

export function ListTools<Name extends string>({ placeholder, search, onSearch, sort, choices, onSort, csv, found }: Props<Name>) {
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
      <label className="list-sort">
        <span className="visually-hidden">{text.lists.sortBy}</span>
        <select className="field" value={sort} onChange={(event) => onSort(event.target.value as Name)} data-testid="list-sort">
          {choices.map(({ name, label }) => (
            <option key={name} value={name}>
              {text.lists.sortedBy(label)}
            </option>
          ))}
        </select>
      </label>
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
    </div>
  );
}
