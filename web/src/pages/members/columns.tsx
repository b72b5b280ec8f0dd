import { Link } from "wouter";
import type { MemberRow, Members } from "../../api/people";
import { exactText } from "../../api/exact";
import { count, percent } from "../../format/counts";
import { exactMoney, money } from "../../format/money";
import { errorShare } from "../../state/errorShare";
import { text } from "../../text";
import { comparedColumns, comparingColumns } from "../lists/compared";
import type { Column } from "../lists/ListTable";

export const memberColumns = ["member", "role", "cost", ...comparedColumns, "tokens", "requests", "errorRate", "keys"] as const;
export type MemberColumn = (typeof memberColumns)[number];

export function memberName(member: { userId: string | null; name: string | null; email: string | null }): string {
  return member.name ?? member.email ?? member.userId ?? text.members.unattributed;
}

export function roleName(role: string | null): string {
  return role === null ? "" : (text.members.roles[role as keyof typeof text.members.roles] ?? role);
}

/** What a row cost in the window before. */
type Before = (row: MemberRow) => { cost: number };

export const memberValue = (before: Before): Record<MemberColumn, (row: MemberRow) => string | number | null> => ({
  // Nobody's usage is no name, so it stays at the end of the alphabet.
  member: (row) => (row.userId === null ? null : memberName(row)),
  role: (row) => row.role,
  cost: (row) => row.cost,
  tokens: (row) => row.totalTokens,
  requests: (row) => row.requestCount,
  errorRate: (row) => errorShare(row),
  keys: (row) => row.apiKeyCount,
  before: (row) => before(row).cost,
  change: (row) => row.cost - before(row).cost,
});

export function columnsFor(
  answer: Members | null,
  pathOf: (row: MemberRow) => string | null,
  before: Before,
): Column<MemberRow, MemberColumn>[] {
  const totals = answer?.totals;
  const previous = answer?.previous ?? null;
  return [
    { name: "member", label: text.members.member, cell: (row) => <Name row={row} path={pathOf(row)} /> },
    {
      name: "role",
      label: text.members.role,
      wideOnly: true,
      cell: (row) => <span className="muted">{roleName(row.role) || text.members.noRole}</span>,
    },
    {
      name: "cost",
      label: text.metrics.cost,
      numeric: true,
      cell: (row) => money(row.cost),
      exact: (row) => exactText(row, "cost"),
      hint: (row) => exactMoney(exactText(row, "cost")),
      foot: totals && {
        shown: money(totals.cost),
        exact: exactText(totals, "cost"),
        hint: exactMoney(exactText(totals, "cost")),
      },
    },
    ...comparingColumns<MemberRow>({ window: previous, before, totals: previous?.totals ?? null, now: totals ?? null }),
    {
      name: "tokens",
      label: text.metrics.tokens,
      numeric: true,
      wideOnly: true,
      cell: (row) => count(row.totalTokens),
      exact: (row) => exactText(row, "totalTokens"),
      foot: totals && { shown: count(totals.totalTokens), exact: exactText(totals, "totalTokens") },
    },
    {
      name: "requests",
      label: text.metrics.requests,
      numeric: true,
      wideOnly: true,
      cell: (row) => count(row.requestCount),
      exact: (row) => exactText(row, "requestCount"),
      foot: totals && { shown: count(totals.requestCount), exact: exactText(totals, "requestCount") },
    },
    {
      name: "errorRate",
      label: text.cards.errorRateTitle,
      numeric: true,
      wideOnly: true,
      cell: (row) => percent(errorShare(row)),
      exact: (row) => exactText(row, "errorCount"),
      hint: (row) => text.lists.errorHint(count(row.errorCount), count(row.clientErrorCount)),
      foot: totals && { shown: percent(errorShare(totals)), exact: exactText(totals, "errorCount") },
    },
    {
      name: "keys",
      label: text.members.keys,
      numeric: true,
      wideOnly: true,
      cell: (row) => count(row.apiKeyCount),
      exact: (row) => exactText(row, "apiKeyCount"),
      foot: answer
        ? { shown: count(answer.members.reduce((sum, row) => sum + row.apiKeyCount, 0)) }
        : undefined,
    },
  ];
}

function Name({ row, path }: { row: MemberRow; path: string | null }) {
  const name = memberName(row);
  const nobody = row.userId === null;
  const second = nobody ? text.members.unattributedHint : row.email === name ? null : row.email;
  return (
    <span className="list-name">
      <span className="list-name-line">
        {path === null ? (
          <span className="truncate">{name}</span>
        ) : (
          <Link href={path} className="truncate row-link" title={name} data-testid="list-link">
            {name}
          </Link>
        )}
        {row.status === "former" && <span className="tag">{text.ranking.former}</span>}
      </span>
      <span className="truncate muted list-second" title={second ?? undefined}>
        {row.role && <span className="small-only">{roleName(row.role)} · </span>}
        {second}
      </span>
    </span>
  );
}
