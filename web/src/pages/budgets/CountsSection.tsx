import { useQuery } from "@tanstack/react-query";
import { decisionCountsQuery, type DecisionCount } from "../../api/decisions";
import type { Organization } from "../../api/types";
import { count } from "../../format/counts";
import { Failure } from "../../ui/Failure";
import { EntryName, EntryTable, type EntryColumn } from "../administration/EntryTable";
import { budgetWords as words } from "./words";

/** How often which budget, policy, guardrail or filter mattered in the last days, and to whom. */
export function CountsSection({ organization }: { organization: Organization }) {
  const answer = useQuery(decisionCountsQuery(organization.id, organization.timezone ?? "UTC"));
  const rows = answer.data?.counts ?? null;
  if (answer.error && rows === null) return <Failure error={answer.error} onRetry={() => void answer.refetch()} />;
  return (
    <>
      <h2>{words.counts}</h2>
      <p className="muted page-lead">{words.countsLead}</p>
      <EntryTable
        label={words.counts}
        columns={columns}
        rows={rows}
        idOf={(row) => JSON.stringify([row.rule, row.id, row.projectId, row.userId])}
        textsOf={(row) => [row.id, words.ruleName(row.rule), row.rule, row.projectId, row.userId, row.userName]}
        search={words.countsSearch}
        none={words.countsNone}
        testId="counts-table"
        add={null}
      />
    </>
  );
}

const number = (name: "refused" | "observed" | "found"): EntryColumn<DecisionCount> => ({
  name,
  label: words[name],
  numeric: true,
  wideOnly: name === "observed",
  cell: (row) => count(row[name]),
});

const columns: EntryColumn<DecisionCount>[] = [
  {
    name: "rule",
    label: words.rule,
    cell: (row) => (
      <EntryName
        name={row.id}
        second={words.ruleName(row.rule)}
        small={[row.userName, row.projectId].filter(Boolean).join(" · ")}
      />
    ),
  },
  {
    name: "whose",
    label: words.whose,
    wideOnly: true,
    cell: (row) => [row.userName, row.projectId].filter(Boolean).join(" · "),
  },
  number("refused"),
  number("observed"),
  number("found"),
];
