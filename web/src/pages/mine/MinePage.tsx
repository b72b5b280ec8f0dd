import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { exactText } from "../../api/exact";
import { mineCsvPath } from "../../api/people";
import { fileName } from "../../format/fileName";
import { keysQuery, mineQuery, projectsQuery } from "../../api/queries";
import type { Me, Organization } from "../../api/types";
import { totalTimeline } from "../../charts/timeline";
import { count } from "../../format/counts";
import { analyticsAccess } from "../../state/access";
import { readDetailView, writeDetailView } from "../../state/detailView";
import type { Grouping } from "../../state/filters";
import { text } from "../../text";
import { Failure } from "../../ui/Failure";
import { Notice } from "../../ui/Notice";
import { OwnBudgets } from "../budgets/OwnBudgets";
import { Explaining } from "../explain/Explaining";
import { Answer } from "../parts/Answer";
import { ChartCard } from "../parts/ChartCard";
import { FigureCard } from "../parts/FigureCard";
import { MetricTabs } from "../parts/MetricTabs";
import { NoUsage } from "../parts/NoUsage";
import { PageHeader } from "../parts/PageHeader";
import { TopCard } from "../parts/TopCard";
import { UsageCards } from "../parts/UsageCards";
import { analyticsPath, narrowedPath, unpricedPath } from "../routes";
import { useAddress } from "../useAddress";
import { useTitle } from "../useTitle";
import { useQuestion } from "../window/useQuestion";
import { useShownAsOf } from "../window/useShownAsOf";
import { OwnKeys } from "./OwnKeys";
import { ProjectChoice } from "./ProjectChoice";
import "../parts/page.css";

interface Props {
  me: Me;
  organization: Organization;
}

/** One series, of all that there is. */
const WHOLE = new Map([["~total", { slot: 0, pattern: 0 }]]);

const spelling = { read: readDetailView, write: writeDetailView };

export default function MinePage({ me, organization }: Props) {
  useTitle(text.mine.title, organization.name);
  const [view, change] = useAddress(spelling);
  const { today, question, refetchInterval } = useQuestion(organization.id, view);
  const projects = useQuery(projectsQuery(organization.id));
  const keys = useQuery({ ...keysQuery(question), refetchInterval });

  const own = useMemo(
    () => keys.data?.keys.filter((key) => key.createdBy !== null && key.createdBy === me.user?.id) ?? null,
    [keys.data, me.user?.id],
  );
  const chosen = view.project;
  const query = useQuery({ ...mineQuery(chosen, question), refetchInterval });
  const answer = query.data ?? null;

  const drawn = useMemo(
    () => (answer ? totalTimeline(answer, view.metric, text.metrics[view.metric], today) : null),
    [answer, view.metric, today],
  );
  const ownUsage = { user: [me.user?.id ?? ""], ...(chosen === null ? {} : { project: [chosen] }) };
  const seesAll = analyticsAccess(me.kind, organization) === "granted";
  const explained = (groupBy: Grouping[]) =>
    seesAll && me.user && !query.isPlaceholderData ? { ...question, filters: ownUsage, groupBy } : null;
  const empty = answer !== null && !query.isPlaceholderData && answer.summary.requestCount === 0;

  return (
    <div className="page" data-testid="mine" data-busy={query.isPending || query.isPlaceholderData} data-project={chosen ?? "~all"}>
      <PageHeader
        title={text.mine.title}
        facts={
          projects.data && projects.data.length > 0 ? (
            <ProjectChoice
              projects={projects.data}
              chosen={chosen}
              onChoose={(project) => change({ project })}
            />
          ) : undefined
        }
        organization={organization}
        view={view}
        span={question}
        today={today}
        asOf={useShownAsOf(query, answer)}
        onChange={change}
      />
      {projects.error ? (
        <Failure error={projects.error} onRetry={() => void projects.refetch()} />
      ) : projects.data?.length === 0 && view.project === null && empty ? (
        <Notice icon="inbox" title={text.mine.noProjectTitle}>
          <p>{text.mine.noProject(organization.name)}</p>
        </Notice>
      ) : (
        <Answer query={query} away={{ href: analyticsPath(organization.id, view), label: text.errors.home }}>
          <Explaining question={explained([])}>
            <UsageCards
              summary={answer?.summary ?? null}
              unpricedPath={seesAll ? unpricedPath(organization.id, view, ownUsage) : undefined}
            >
              <FigureCard
                id="keys"
                label={text.mine.yourKeys}
                figure={
                  answer && { shown: count(answer.summary.apiKeyCount), exact: exactText(answer.summary, "apiKeyCount") }
                }
              >
                {text.mine.keysHint}
              </FigureCard>
            </UsageCards>
            {me.user && <OwnBudgets organizationId={organization.id} userId={me.user.id} title={text.budgets.yours} />}
            {empty ? (
              <NoUsage whose={text.mine.you} span={question} onChange={change} />
            ) : (
              <>
                <ChartCard
                  state={view}
                  span={question}
                  timeline={drawn}
                  grouping={text.mine.title}
                  looks={WHOLE}
                  tabs={<MetricTabs value={view.metric} onChange={(metric) => change({ metric })} />}
                  csv={mineCsvPath(chosen, question)}
                  picture={fileName(organization.id, "my-usage", question, view.zone, "png")}
                  onChange={change}
                />
                <div className="halves">
                  <Explaining question={explained(["model"])}>
                    <TopCard
                      id="top-models"
                      title={text.detail.topModels}
                      grouping={text.groupings.model}
                      entries={answer?.topModels ?? null}
                      total={answer?.summary.cost ?? 0}
                      narrow
                      pathOf={
                        seesAll
                          ? (model) => narrowedPath(organization.id, view, "apiKey", { model: [model], ...ownUsage })
                          : undefined
                      }
                    />
                  </Explaining>
                  <OwnKeys
                    organizationId={organization.id}
                    keys={own?.filter((key) => chosen === null || key.projectId === chosen) ?? null}
                    view={view}
                  />
                </div>
              </>
            )}
          </Explaining>
        </Answer>
      )}
    </div>
  );
}
