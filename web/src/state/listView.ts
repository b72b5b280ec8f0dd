import { locale } from "../text/language";
import { oneOf, readTimeWindow, searchText, writeTimeWindow, type TimeWindow } from "./timeWindow";

/** A list page: what it is sorted by, searched for and narrowed to. */
interface ListView<Column extends string> extends TimeWindow, Sort<Column> {
  search: string;
  projects: readonly string[];
  /** Ids of the people whose keys are meant; "~unattributed" is nobody's. */
  creators: readonly string[];
}

export const NOBODY = "~unattributed";

export function listViewOf<Column extends string>(columns: readonly Column[], first: Column) {
  return {
    read(search: string, ownZone: string): ListView<Column> {
      const params = new URLSearchParams(search);
      return {
        ...readTimeWindow(params, ownZone),
        ...readSort(params, columns, first),
        search: params.get("q") ?? "",
        projects: params.getAll("project"),
        creators: params.getAll("creator"),
      };
    },
    write(view: ListView<Column>): string {
      const params = writeTimeWindow(view);
      writeSort(view, first, params);
      if (view.search) params.set("q", view.search);
      for (const id of view.projects) params.append("project", id);
      for (const id of view.creators) params.append("creator", id);
      return searchText(params);
    },
  };
}

interface Sort<Column extends string> {
  sort: Column;
  descending: boolean;
}

/** "name", or "-cost" where the largest comes first. */
export function readSort<Column extends string>(
  params: URLSearchParams,
  columns: readonly Column[],
  first: Column,
): Sort<Column> {
  const sort = params.get("sort") ?? `-${first}`;
  return { sort: oneOf(columns, sort.replace(/^-/, ""), first), descending: sort.startsWith("-") };
}

export function writeSort<Column extends string>(
  { sort, descending }: Sort<Column>,
  first: Column,
  params: URLSearchParams,
): void {
  const written = `${descending ? "-" : ""}${sort}`;
  if (written !== `-${first}`) params.set("sort", written);
}

const collator = new Intl.Collator(locale, { numeric: true, sensitivity: "base" });

/** Rows without a value come last in either direction: they are no answer to "who is first". */
export function sortedBy<Row>(
  rows: readonly Row[],
  valueOf: (row: Row) => string | number | null,
  descending: boolean,
): Row[] {
  const sign = descending ? -1 : 1;
  return rows
    .map((row) => ({ row, value: valueOf(row) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
      if (typeof a.value === "number" && typeof b.value === "number") return sign * (a.value - b.value);
      return sign * collator.compare(String(a.value), String(b.value));
    })
    .map(({ row }) => row);
}

/** Every word somewhere in one of the texts, in any order: "dmitri staging". */
export function matchesSearch(search: string, texts: readonly (string | null | undefined)[]): boolean {
  const whole = texts.filter(Boolean).join("\n").toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => whole.includes(word));
}
