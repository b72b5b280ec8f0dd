import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { membersCsvPath, type MemberRow } from "../../api/people";
import { membersQuery } from "../../api/queries";
import type { Me, Organization } from "../../api/types";
import { listViewOf, matchesSearch, NOBODY, sortedBy } from "../../state/listView";
import { text } from "../../text";
import { Failure } from "../../ui/Failure";
import { NOTHING, withBefore } from "../lists/compared";
import { ListPanel } from "../lists/ListPanel";
import { Explaining } from "../explain/Explaining";
import { Guarded } from "../parts/Guarded";
import { PageHeader } from "../parts/PageHeader";
import { useCacheSaving } from "../parts/useCacheSaving";
import { keysPath, memberPath } from "../routes";
import { useAddress } from "../useAddress";
import { useTitle } from "../useTitle";
import { useQuestion } from "../window/useQuestion";
import { useShownAsOf } from "../window/useShownAsOf";
import { columnsFor, memberColumns, memberName, memberValue } from "./columns";
import "../parts/page.css";

interface Props {
  me: Me;
  organization: Organization;
}

export default function MembersPage({ me, organization }: Props) {
  useTitle(text.members.title, organization.name);
  return (
    <Guarded me={me} organization={organization} title={text.members.title}>
      <MemberList organization={organization} />
    </Guarded>
  );
}

const spelling = listViewOf(memberColumns, "cost");

function MemberList({ organization }: { organization: Organization }) {
  const [view, change] = useAddress(spelling);
  const { today, question, compared, refetchInterval } = useQuestion(organization.id, view);
  const answer = useQuery({ ...membersQuery(compared), refetchInterval });
  const savings = useCacheSaving(question, "user", { enabled: !!answer.data, refetchInterval });
  const { rows: all, before } = useMemo(
    () =>
      answer.data
        ? withBefore(answer.data.members, answer.data.previous?.members ?? [], memberId)
        : { rows: null, before: null },
    [answer.data],
  );
  const beforeOf = (row: MemberRow) => before?.get(memberId(row)) ?? NOTHING;

  const rows = useMemo(() => {
    if (!all) return null;
    const found = all.filter((row) => matchesSearch(view.search, [memberName(row), row.email, row.role, row.userId]));
    return sortedBy(found, memberValue(beforeOf)[view.sort], view.descending);
  }, [all, before, view.search, view.sort, view.descending]);

  const pathOf = (row: MemberRow) =>
    row.userId === null
      ? keysPath(organization.id, view, { creator: NOBODY })
      : memberPath(organization.id, row.userId, view);
  const saved = savings && { row: (row: MemberRow) => savings.of(row.userId), all: savings.all };
  const columns = columnsFor(answer.data ?? null, pathOf, beforeOf, saved);
  const failure = answer.error && (answer.isPlaceholderData || !answer.data) ? answer.error : null;

  return (
    <div className="page" data-testid="members" data-busy={answer.isPending || answer.isPlaceholderData}>
      <PageHeader
        title={text.members.title}
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
        <Explaining question={{ ...question, groupBy: ["user"] }}>
          <ListPanel
            label={text.members.title}
            placeholder={text.members.search}
            view={view}
            onChange={change}
            columns={columns}
            rows={rows}
            former={answer.isPlaceholderData}
            idOf={memberId}
            pathOf={pathOf}
            among={all}
            csv={membersCsvPath(question)}
            found={rows && all ? text.members.found(people(rows), people(all)) : ""}
            footLabel={organization.name}
            testId="members-table"
          />
        </Explaining>
      )}
    </div>
  );
}

const memberId = (row: MemberRow) => row.userId ?? NOBODY;

/** Usage that is nobody's has a row, but is no member. */
function people(rows: readonly MemberRow[]): number {
  return rows.filter((row) => row.userId !== null).length;
}
