import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Link } from "wouter";
import { changeDirectory, type Directory } from "../../api/administration";
import { exactText } from "../../api/exact";
import { activityQuery, calendarQuery } from "../../api/queries";
import type { Team } from "../../api/teams";
import type { Activity, Me, Organization } from "../../api/types";
import { percent } from "../../format/counts";
import { exactMoney, money } from "../../format/money";
import { analyticsAccess, readsRecords } from "../../state/access";
import type { TimeWindow } from "../../state/timeWindow";
import { text } from "../../text";
import { startOfMonth, type Day } from "../../time/day";
import { Failure } from "../../ui/Failure";
import { EntryActions, deleteOrRestore } from "../administration/EntryActions";
import { AddButton, EntryName, EntryTable, type EntryColumn } from "../administration/EntryTable";
import { FormDialog } from "../administration/FormDialog";
import { directoryQuery, useChange } from "../administration/queries";
import { PageBones } from "../parts/PageBones";
import { narrowedPath } from "../routes";
import { useTitle } from "../useTitle";
import { Assignments } from "./Assignments";
import { coursesOf, countsByTeam, subjectKinds, type SubjectKind } from "./courses";
import { teamName } from "./names";
import { TeamForm } from "./TeamForm";
import "../administration/administration.css";
import "../parts/page.css";
import "./teams.css";

const words = text.teams;

type Doing = { kind: "add" } | { kind: "edit" | "delete"; team: Team };

/** A line of the list. */
interface Row {
  /** Null is what counts for no team. */
  id: string | null;
  name: string;
  team: Team | null;
  isDeleted: boolean;
  /** Null where nobody may see it, or it is on its way. */
  cost: { cost: number } | null;
  total: number;
  assigned: Map<SubjectKind, number>;
}

interface Props {
  me: Me;
  organization: Organization;
}

/** Assignments begin with days of the organization, whatever zone the reader looks in. */
export default function TeamsPage({ me, organization }: Props) {
  useTitle(words.title, organization.name);
  const zone = organization.timezone ?? "UTC";
  const { data, error, refetch } = useQuery(calendarQuery(zone));
  if (data) return <Teams me={me} organization={organization} zone={zone} today={data.today} />;
  return error ? <Failure error={error} onRetry={() => void refetch()} /> : <PageBones />;
}

/** Which teams there are, what counts for each, and what each costs. */
function Teams({ me, organization, zone, today }: Props & { zone: string; today: Day }) {
  const [doing, setDoing] = useState<Doing | null>(null);
  const done = () => setDoing(null);
  const changes = readsRecords(me.kind, organization);
  const seesCost = analyticsAccess(me.kind, organization) === "granted";
  const month = { from: startOfMonth(today), to: today };
  const directory = useQuery({ ...directoryQuery(organization.id), enabled: changes });
  const costs = useQuery({
    ...activityQuery({
      organizationId: organization.id,
      ...month,
      timezone: zone,
      groupBy: ["team"],
      filters: {},
      rankBy: "cost",
      granularity: "month",
      top: null,
      compare: null,
    }),
    enabled: seesCost,
  });
  const change = useChange((team: Omit<Team, "organizationId">) =>
    changeDirectory({ teams: [{ ...team, organizationId: organization.id }] }),
  );
  const error = directory.error ?? costs.error;
  const isThere = (!changes || directory.data) && (!seesCost || costs.data);
  const rows = useMemo(
    () => (isThere ? rowsOf(directory.data, costs.data, today) : null),
    [isThere, today, directory.data, costs.data],
  );
  const columns = useMemo(
    () => columnsFor(organization.id, changes, seesCost ? { today, zone } : null),
    [organization.id, changes, seesCost, today, zone],
  );
  return (
    <div className="page" data-testid="teams" data-busy={rows === null && !error}>
      <header className="page-header">
        <div className="page-heading">
          <div className="page-title">
            <h1 className="truncate">{words.title}</h1>
          </div>
          <p className="muted page-lead">{words.lead}</p>
        </div>
      </header>
      {error && rows === null ? (
        <Failure
          error={error}
          onRetry={() => void (directory.error ? directory.refetch() : costs.refetch())}
        />
      ) : (
        <EntryTable
          label={words.title}
          columns={columns}
          rows={rows}
          idOf={(row) => row.id ?? ""}
          textsOf={(row) => [row.name, row.id, row.team?.costCentre]}
          search={words.search}
          none={words.none}
          testId="teams-table"
          add={changes && <AddButton label={words.add} onClick={() => setDoing({ kind: "add" })} />}
          actions={
            changes
              ? ({ team }) =>
                  team && (
                    <EntryActions
                      name={teamName(team)}
                      onEdit={() => setDoing({ kind: "edit", team })}
                      other={deleteOrRestore(
                        team.status === "deleted",
                        () => setDoing({ kind: "delete", team }),
                        () => change.mutate({ id: team.id, status: "active" }),
                      )}
                    />
                  )
              : undefined
          }
        />
      )}
      {directory.data && (
        <section className="teams-part">
          <h2>{words.assignments.title}</h2>
          <Assignments organization={organization} directory={directory.data} zone={zone} today={today} />
        </section>
      )}
      {(doing?.kind === "add" || doing?.kind === "edit") && (
        <TeamForm
          team={doing.kind === "edit" ? doing.team : null}
          onClose={done}
          onSave={async (team) => {
            await change.mutateAsync(team);
            done();
          }}
        />
      )}
      {doing?.kind === "delete" && (
        <FormDialog
          title={words.deleteTitle(teamName(doing.team))}
          lead={words.deleteLead}
          submit={text.administration.delete}
          danger
          onClose={done}
          onSubmit={async () => {
            await change.mutateAsync({ id: doing.team.id, status: "deleted" });
            done();
          }}
        />
      )}
    </div>
  );
}

/** The dearest first; what counts for no team and what was deleted come last. */
function rowsOf(directory: Directory | undefined, costs: Activity | undefined, today: Day): Row[] {
  const counts = countsByTeam(coursesOf(directory?.assignments ?? []), today);
  const ranking = new Map((costs?.ranking ?? []).map((entry) => [entry.key ?? null, entry]));
  const none = new Map<SubjectKind, number>();
  const total = costs?.totals.cost ?? 0;
  const cost = (id: string | null) => (costs ? (ranking.get(id) ?? { cost: 0 }) : null);
  const rows: Row[] = (directory?.teams ?? []).map((team) => ({
    id: team.id,
    name: teamName(team),
    team,
    isDeleted: team.status === "deleted",
    cost: cost(team.id),
    total,
    assigned: counts.get(team.id) ?? none,
  }));
  // Whoever may not read the directory sees those that have usage.
  const known = new Set<string | null>(rows.map(({ id }) => id));
  for (const [id, entry] of ranking) {
    if (known.has(id)) continue;
    const name = id === null ? words.noTeam : (entry.label ?? id);
    rows.push({ id, name, team: null, isDeleted: entry.deleted ?? false, cost: entry, total, assigned: none });
  }
  const last = (row: Row) => (row.isDeleted ? 2 : row.id === null ? 1 : 0);
  return rows.sort((a, b) => last(a) - last(b) || (b.cost?.cost ?? 0) - (a.cost?.cost ?? 0) || a.name.localeCompare(b.name));
}

const assignedText = (row: Row) =>
  subjectKinds
    .flatMap((kind) => {
      const n = row.assigned.get(kind);
      return n ? [words.counts[kind](n)] : [];
    })
    .join(", ");

function columnsFor(organizationId: string, changes: boolean, costs: { today: Day; zone: string } | null): EntryColumn<Row>[] {
  const window: TimeWindow | null = costs && {
    range: { kind: "custom", from: startOfMonth(costs.today), to: costs.today },
    zone: costs.zone,
    comparedWith: "fitting",
  };
  const centre = (row: Row) => row.team?.costCentre ?? null;
  const columns: EntryColumn<Row>[] = [
    {
      name: "name",
      label: words.one,
      cell: (row) => (
        <EntryName
          name={row.name}
          second={row.id}
          small={centre(row) ?? undefined}
          tag={row.isDeleted ? "deleted" : null}
        >
          {row.id !== null && window ? (
            <Link
              href={narrowedPath(organizationId, window, "user", { team: [row.id] })}
              className="truncate row-link"
              title={row.name}
              data-testid="entry-link"
            >
              {row.name}
            </Link>
          ) : undefined}
        </EntryName>
      ),
    },
  ];
  if (changes) {
    columns.push(
      {
        name: "costCentre",
        label: words.costCentre,
        wideOnly: true,
        cell: (row) => <span className="muted truncate list-quiet">{row.team && (centre(row) ?? words.noCostCentre)}</span>,
      },
      { name: "assigned", label: words.assigned, wideOnly: true, cell: (row) => <span className="muted">{assignedText(row)}</span> },
    );
  }
  if (costs) {
    columns.push({
      name: "cost",
      label: words.cost,
      numeric: true,
      cell: (row) => row.cost && <Cost cost={row.cost} total={row.total} />,
    });
  }
  return columns;
}

function Cost({ cost, total }: { cost: { cost: number }; total: number }) {
  const exact = exactText(cost, "cost");
  return (
    <span className="team-cost" title={exactMoney(exact)} data-exact={exact}>
      {money(cost.cost)}
      {total > 0 && <span className="muted list-second">{percent(cost.cost / total)}</span>}
    </span>
  );
}
