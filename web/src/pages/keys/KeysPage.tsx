import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { keysCsvPath, type KeyRow } from "../../api/keys";
import { keysQuery } from "../../api/queries";
import type { Me, Organization } from "../../api/types";
import { analyticsAccess } from "../../state/access";
import { listViewOf, matchesSearch, NOBODY, sortedBy } from "../../state/listView";
import { text } from "../../text";
import { Failure } from "../../ui/Failure";
import { NOTHING, withBefore } from "../lists/compared";
import { ListPanel } from "../lists/ListPanel";
import { Explaining } from "../explain/Explaining";
import { Chip } from "../parts/Chip";
import { PageHeader } from "../parts/PageHeader";
import { useCacheSaving } from "../parts/useCacheSaving";
import { keyPath, keysPath, memberPath } from "../routes";
import { useAddress } from "../useAddress";
import { useTitle } from "../useTitle";
import { useQuestion } from "../window/useQuestion";
import { useShownAsOf } from "../window/useShownAsOf";
import { columnsFor, creatorName, keyColumns, keyName, keyValue, type KeyPaths } from "./columns";
import { sumOf } from "./sums";
import "../parts/page.css";

interface Props {
  me: Me;
  organization: Organization;
}

const spelling = listViewOf(keyColumns, "cost");

export default function KeysPage({ me, organization }: Props) {
  useTitle(text.keys.title, organization.name);
  const [view, change] = useAddress(spelling);
  const { today, question, compared, refetchInterval } = useQuestion(organization.id, view);
  const answer = useQuery({ ...keysQuery(compared), refetchInterval });
  const previous = answer.data?.previous ?? null;
  // Sums of the organization by price are for those who may see all of it.
  const seesPeople = analyticsAccess(me.kind, organization) === "granted";
  const savings = useCacheSaving(question, "apiKey", { enabled: seesPeople && !!answer.data, refetchInterval });
  const { rows: all, before } = useMemo(
    () =>
      answer.data
        ? withBefore(answer.data.keys, answer.data.previous?.keys ?? [], (row) => row.id)
        : { rows: null, before: null },
    [answer.data],
  );
  const beforeOf = (row: KeyRow) => before?.get(row.id) ?? NOTHING;

  const narrowed = useMemo(
    () =>
      all?.filter(
        (row) =>
          within(view.projects, row.projectId) &&
          within(view.creators, row.createdBy ?? NOBODY) &&
          matchesSearch(view.search, [keyName(row), row.id, row.projectName, creatorName(row)]),
      ) ?? null,
    [all, view.projects, view.creators, view.search],
  );
  const rows = useMemo(
    () => narrowed && sortedBy(narrowed, keyValue(beforeOf)[view.sort], view.descending),
    [narrowed, before, view.sort, view.descending],
  );
  const whole = narrowed === null || narrowed.length === all?.length;
  const totals = useMemo(
    () => (narrowed === null || whole ? (answer.data?.totals ?? null) : sumOf(narrowed)),
    [narrowed, whole, answer.data],
  );
  const totalsBefore = useMemo(() => {
    if (narrowed === null || before === null) return null;
    return whole ? (previous?.totals ?? null) : sumOf(narrowed.flatMap((row) => before.get(row.id) ?? []));
  }, [narrowed, whole, before, previous]);

  const saved = savings &&
    narrowed && {
      row: (row: KeyRow) => savings.of(row.id),
      all: whole ? savings.all : savings.ofAll(narrowed.map((row) => row.id)),
    };
  const comparing = { window: previous, before: beforeOf, totals: totalsBefore, now: totals };
  const paths: KeyPaths = {
    key: (row) => keyPath(organization.id, row.id, view),
    project: (row) => keysPath(organization.id, view, { project: row.projectId }),
    creator: (row) => (seesPeople && row.createdBy !== null ? memberPath(organization.id, row.createdBy, view) : null),
  };
  const columns = columnsFor(totals, comparing, paths, saved);
  const failure = answer.error && (answer.isPlaceholderData || !answer.data) ? answer.error : null;
  const projectName = (id: string) => all?.find((row) => row.projectId === id)?.projectName ?? id;
  const nameOfCreator = (id: string) => {
    const row = all?.find((one) => (one.createdBy ?? NOBODY) === id);
    return row ? creatorName(row) : id === NOBODY ? text.keys.noCreator : id;
  };

  return (
    <div className="page" data-testid="keys" data-busy={answer.isPending || answer.isPlaceholderData}>
      <PageHeader
        title={text.keys.title}
        organization={organization}
        view={view}
        span={question}
        today={today}
        asOf={useShownAsOf(answer, answer.data)}
        compares
        onChange={change}
      />
      {failure ? (
        <Failure error={failure} onRetry={() => void answer.refetch()} />
      ) : (
        <>
          {view.projects.length + view.creators.length > 0 && (
            <div className="list-narrowed">
              {view.projects.map((id) => (
                <Chip
                  key={`project ${id}`}
                  kind={text.keys.project}
                  label={projectName(id)}
                  onRemove={() => change({ projects: view.projects.filter((one) => one !== id) })}
                />
              ))}
              {view.creators.map((id) => (
                <Chip
                  key={`creator ${id}`}
                  kind={text.keys.creator}
                  label={nameOfCreator(id)}
                  onRemove={() => change({ creators: view.creators.filter((one) => one !== id) })}
                />
              ))}
            </div>
          )}
          <Explaining question={seesPeople ? { ...question, groupBy: ["apiKey"] } : null}>
            <ListPanel
              label={text.keys.title}
              placeholder={text.keys.search}
              view={view}
              onChange={change}
              columns={columns}
              rows={rows}
              former={answer.isPlaceholderData}
              idOf={(row) => row.id}
              pathOf={(row) => keyPath(organization.id, row.id, view)}
              among={narrowed}
              csv={keysCsvPath(question)}
              found={rows && all ? text.keys.found(rows.length, all.length) : ""}
              footLabel={whole ? text.keys.allKeys : text.keys.shownKeys}
              testId="keys-table"
            />
          </Explaining>
        </>
      )}
    </div>
  );
}

function within(wanted: readonly string[], id: string): boolean {
  return wanted.length === 0 || wanted.includes(id);
}
