import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { memberCsvPath } from "../../api/people";
import { fileName } from "../../format/fileName";
import { memberQuery } from "../../api/queries";
import type { Me, Organization } from "../../api/types";
import { exactText } from "../../api/exact";
import { count } from "../../format/counts";
import { readDetailView, writeDetailView } from "../../state/detailView";
import type { Grouping } from "../../state/filters";
import { within } from "../../state/timeWindow";
import { text } from "../../text";
import type { Span } from "../../time/presets";
import { Bone } from "../../ui/Bone";
import { OwnBudgets } from "../budgets/OwnBudgets";
import { budgetWords } from "../budgets/words";
import { memberName, roleName } from "../members/columns";
import { Explaining } from "../explain/Explaining";
import { Answer } from "../parts/Answer";
import { BackLink } from "../parts/BackLink";
import { FigureCard } from "../parts/FigureCard";
import { Guarded } from "../parts/Guarded";
import { ModelUsage } from "../parts/ModelUsage";
import { NoUsage } from "../parts/NoUsage";
import { PageHeader } from "../parts/PageHeader";
import { TopCard } from "../parts/TopCard";
import { UsageCards } from "../parts/UsageCards";
import { hasCached, useCacheSaving } from "../parts/useCacheSaving";
import { keysPath, membersPath, narrowedPath, unpricedPath } from "../routes";
import { useAddress } from "../useAddress";
import { useTitle } from "../useTitle";
import { useQuestion } from "../window/useQuestion";
import { useShownAsOf } from "../window/useShownAsOf";
import { MostUsed } from "./MostUsed";
import "../parts/page.css";

interface Props {
  me: Me;
  organization: Organization;
  userId: string;
}

export default function MemberPage({ me, organization, userId }: Props) {
  return (
    <Guarded me={me} organization={organization} title={text.members.title}>
      <Member organization={organization} userId={userId} />
    </Guarded>
  );
}

const spelling = { read: readDetailView, write: writeDetailView };

function Member({ organization, userId }: Omit<Props, "me">) {
  const [view, change] = useAddress(spelling);
  const { today, question, refetchInterval } = useQuestion(organization.id, view);
  const query = useQuery({ ...memberQuery(userId, question), refetchInterval });
  const answer = query.data ?? null;
  const narrowed = { ...question, filters: { user: [userId] } };
  const saving = useCacheSaving(narrowed, "user", { enabled: hasCached(answer?.summary), refetchInterval });
  const name = answer && memberName(answer.member);
  const explained = (by: Grouping) => (query.isPlaceholderData ? null : { ...narrowed, groupBy: [by] });
  useTitle(name ?? text.members.title, organization.name);

  /** The analytics page says more about a part of this person's usage. */
  const partOf = (grouping: Grouping, by: Grouping) => (id: string, span?: Span) =>
    narrowedPath(organization.id, within(view, span), by, { [grouping]: [id], user: [userId] });

  const members = membersPath(organization.id, view);
  const empty = answer !== null && !query.isPlaceholderData && answer.summary.requestCount === 0;
  return (
    <div className="page" data-testid="member" data-busy={query.isPending || query.isPlaceholderData}>
      <PageHeader
        back={<BackLink href={members}>{text.members.title}</BackLink>}
        title={name ?? (query.error ? userId : <Bone width="180px" />)}
        tags={
          answer && (
            <>
              {answer.member.role && <span className="tag">{roleName(answer.member.role)}</span>}
              {answer.member.status === "former" && <span className="tag">{text.ranking.former}</span>}
            </>
          )
        }
        facts={answer?.member.email && answer.member.email !== name && <p className="muted page-fact">{answer.member.email}</p>}
        organization={organization}
        view={view}
        span={question}
        today={today}
        asOf={useShownAsOf(query, answer)}
        onChange={change}
      />
      <Answer query={query} away={{ href: members, label: text.members.back }}>
        <Explaining question={explained("model")}>
          <UsageCards
            summary={answer?.summary ?? null}
            saved={query.isPlaceholderData ? null : saving?.all}
            unpricedPath={unpricedPath(organization.id, view, { user: [userId] })}
          >
            <FigureCard
              id="keys"
              label={text.keys.title}
              figure={
                answer && { shown: count(answer.summary.apiKeyCount), exact: exactText(answer.summary, "apiKeyCount") }
              }
            >
              <Link href={keysPath(organization.id, view, { creator: userId })} className="text-link" data-testid="keys-link">
                {text.detail.lookAtKeys}
              </Link>
            </FigureCard>
          </UsageCards>
          <OwnBudgets organizationId={organization.id} userId={userId} title={budgetWords.theirs} />
          {empty ? (
            <NoUsage whose={name ?? ""} span={question} onChange={change} />
          ) : (
            <>
              <MostUsed answer={answer} />
              <ModelUsage
                answer={answer}
                state={view}
                span={question}
                csv={memberCsvPath(userId, question)}
                picture={fileName(organization.id, `member-${userId}`, question, view.zone, "png")}
                onChange={change}
                pathOf={partOf("model", "apiKey")}
              />
              <div className="halves">
                <Explaining question={explained("provider")}>
                  <TopCard
                    id="top-providers"
                    title={text.detail.topProviders}
                    grouping={text.detail.provider}
                    entries={answer?.topProviders ?? null}
                    total={answer?.summary.cost ?? 0}
                    narrow
                    pathOf={partOf("provider", "model")}
                  />
                </Explaining>
                <Explaining question={explained("source")}>
                  <TopCard
                    id="top-apps"
                    title={text.detail.topApps}
                    grouping={text.detail.app}
                    entries={answer?.topApps ?? null}
                    total={answer?.summary.cost ?? 0}
                    narrow
                    pathOf={partOf("source", "model")}
                  />
                </Explaining>
              </div>
            </>
          )}
        </Explaining>
      </Answer>
    </div>
  );
}
