import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import type { Directory, OrganizationEntry } from "../../api/administration";
import { count } from "../../format/counts";
import { text } from "../../text";
import { Failure } from "../../ui/Failure";
import { organizationEntryPath } from "../routes";
import { AdministrationHeader } from "./AdministrationHeader";
import { AddButton, EntryName, EntryTable, type EntryColumn } from "./EntryTable";
import { inOrder, nameOf } from "./names";
import { NewOrganization } from "./NewOrganization";
import { directoryQuery } from "./queries";

const words = text.administration.organization;

export default function OrganizationsPage() {
  const answer = useQuery(directoryQuery(null));
  const [, navigate] = useLocation();
  const [adding, setAdding] = useState(false);
  const rows = useMemo(() => (answer.data ? inOrder(answer.data.organizations, nameOf) : null), [answer.data]);
  const columns = useMemo(() => columnsFor(answer.data), [answer.data]);
  return (
    <div className="page" data-testid="organizations" data-busy={answer.isPending}>
      <AdministrationHeader title={text.administration.organizations} />
      {answer.error && !answer.data ? (
        <Failure error={answer.error} onRetry={() => void answer.refetch()} />
      ) : (
        <EntryTable
          label={text.administration.organizations}
          columns={columns}
          rows={rows}
          idOf={(row) => row.id}
          textsOf={(row) => [row.name, row.id]}
          pathOf={(row) => organizationEntryPath(row.id)}
          search={words.search}
          none={words.none}
          testId="organizations-table"
          add={<AddButton label={words.add} onClick={() => setAdding(true)} />}
        />
      )}
      {adding && (
        <NewOrganization onClose={() => setAdding(false)} onDone={(id) => navigate(organizationEntryPath(id))} />
      )}
    </div>
  );
}

function columnsFor(directory: Directory | undefined): EntryColumn<OrganizationEntry>[] {
  const active = (entries: readonly { organizationId?: string | null; status?: string | null }[] = []) => {
    const counts = new Map<string, number>();
    for (const { organizationId, status } of entries) {
      if (organizationId && status === "active") counts.set(organizationId, (counts.get(organizationId) ?? 0) + 1);
    }
    return (row: OrganizationEntry) => count(counts.get(row.id) ?? 0);
  };
  const plan = (row: OrganizationEntry) => words.plans[row.plan ?? "enterprise"];
  return [
    {
      name: "name",
      label: words.one,
      cell: (row) => (
        <EntryName name={nameOf(row)} second={row.id} tag={row.status === "deleted" ? "deleted" : null} small={plan(row)}>
          <Link href={organizationEntryPath(row.id)} className="truncate row-link" title={nameOf(row)} data-testid="entry-link">
            {nameOf(row)}
          </Link>
        </EntryName>
      ),
    },
    { name: "plan", label: words.plan, wideOnly: true, cell: (row) => <span className="muted">{plan(row)}</span> },
    {
      name: "timezone",
      label: words.zone,
      wideOnly: true,
      cell: (row) => <span className="muted truncate list-quiet">{row.timezone ?? words.noZone}</span>,
    },
    { name: "projects", label: words.projects, numeric: true, wideOnly: true, cell: active(directory?.projects) },
    { name: "members", label: words.members, numeric: true, wideOnly: true, cell: active(directory?.members) },
    { name: "keys", label: words.keys, numeric: true, wideOnly: true, cell: active(directory?.apiKeys) },
  ];
}
