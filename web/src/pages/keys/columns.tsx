import { Link } from "wouter";
import type { KeyFacts, KeyRow } from "../../api/keys";
import type { WithErrors } from "../../api/blocks";
import { text } from "../../text";
import { comparedColumns, comparingColumns, withBeneath, type Comparing } from "../lists/compared";
import type { Column } from "../lists/ListTable";
import { costColumn, countColumns, usageValue, type SavedBy } from "../lists/usage";

export const keyColumns = ["key", "project", "creator", "cost", ...comparedColumns, "tokens", "requests", "errorRate"] as const;
export type KeyColumn = (typeof keyColumns)[number];

export function keyName(key: Pick<KeyFacts, "id" | "description">): string {
  return key.description || key.id;
}

export function creatorName(key: Pick<KeyFacts, "createdBy" | "createdByName">): string {
  return key.createdByName ?? key.createdBy ?? text.keys.noCreator;
}

export const keyValue = (
  before: (row: KeyRow) => { cost: number },
): Record<KeyColumn, (row: KeyRow) => string | number | null> => ({
  key: keyName,
  project: (row) => row.projectName,
  creator: (row) => (row.createdBy === null ? null : creatorName(row)),
  ...usageValue,
  before: (row) => before(row).cost,
  change: (row) => row.cost - before(row).cost,
});

export interface KeyPaths {
  key: (row: KeyRow) => string;
  project: (row: KeyRow) => string;
  /** Null where the reader may not see the person's page. */
  creator: (row: KeyRow) => string | null;
}

export function columnsFor(
  totals: WithErrors | null,
  comparing: Comparing<KeyRow>,
  paths: KeyPaths,
  saved: SavedBy<KeyRow> | null,
): Column<KeyRow, KeyColumn>[] {
  return [
    { name: "key", label: text.keys.key, cell: (row) => <Name row={row} path={paths.key(row)} /> },
    {
      name: "project",
      label: text.keys.project,
      wideOnly: true,
      cell: (row) => <Quiet path={paths.project(row)}>{row.projectName}</Quiet>,
    },
    {
      name: "creator",
      label: text.keys.creator,
      wideOnly: true,
      cell: (row) => <Quiet path={paths.creator(row)}>{creatorName(row)}</Quiet>,
    },
    withBeneath<KeyRow>(costColumn(totals, (row) => ({ label: keyName(row), keys: [row.id] })), comparing),
    ...comparingColumns<KeyRow>(comparing),
    ...countColumns<KeyRow>(totals, saved),
  ];
}

function Name({ row, path }: { row: KeyRow; path: string }) {
  const name = keyName(row);
  return (
    <span className="list-name">
      <span className="list-name-line">
        <Link href={path} className="truncate row-link" title={name} data-testid="list-link">
          {name}
        </Link>
        {row.status === "deleted" && <span className="tag">{text.ranking.deleted}</span>}
      </span>
      <span className="truncate muted list-second" title={row.id}>
        <span className="small-only">
          {row.projectName} · {creatorName(row)}
        </span>
        <span className="large-only">{row.id}</span>
      </span>
    </span>
  );
}

function Quiet({ path, children }: { path: string | null; children: string }) {
  if (path === null) {
    return (
      <span className="truncate muted list-quiet" title={children}>
        {children}
      </span>
    );
  }
  return (
    <Link href={path} className="truncate muted list-quiet" title={children}>
      {children}
    </Link>
  );
}
