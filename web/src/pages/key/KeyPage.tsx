import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { keyCsvPath, type KeyFacts } from "../../api/keys";
import { fileName } from "../../format/fileName";
import { keyQuery } from "../../api/queries";
import type { Me, Organization } from "../../api/types";
import { analyticsAccess } from "../../state/access";
import { readDetailView, writeDetailView } from "../../state/detailView";
import { within, type TimeWindow } from "../../state/timeWindow";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { creatorName, keyName } from "../keys/columns";
import { Explaining } from "../explain/Explaining";
import { Answer } from "../parts/Answer";
import { BackLink } from "../parts/BackLink";
import { ModelUsage } from "../parts/ModelUsage";
import { NoUsage } from "../parts/NoUsage";
import { PageHeader } from "../parts/PageHeader";
import { UsageCards } from "../parts/UsageCards";
import { hasCached, useCacheSaving } from "../parts/useCacheSaving";
import { keysPath, memberPath, narrowedPath, unpricedPath } from "../routes";
import { useAddress } from "../useAddress";
import { useTitle } from "../useTitle";
import { useQuestion } from "../window/useQuestion";
import { useShownAsOf } from "../window/useShownAsOf";
import "../parts/page.css";

interface Props {
  me: Me;
  organization: Organization;
  apiKeyId: string;
}

const spelling = { read: readDetailView, write: writeDetailView };

export default function KeyPage({ me, organization, apiKeyId }: Props) {
  const [view, change] = useAddress(spelling);
  const { today, question, refetchInterval } = useQuestion(organization.id, view);
  const query = useQuery({ ...keyQuery(apiKeyId, question), refetchInterval });
  const answer = query.data ?? null;
  const name = answer && keyName(answer.apiKey);
  useTitle(name ?? text.keys.key, organization.name);

  const seesPeople = analyticsAccess(me.kind, organization) === "granted";
  const narrowed = { ...question, filters: { apiKey: [apiKeyId] } };
  const saving = useCacheSaving(narrowed, "apiKey", { enabled: seesPeople && hasCached(answer?.summary), refetchInterval });
  const keys = keysPath(organization.id, view);
  const empty = answer !== null && !query.isPlaceholderData && answer.summary.requestCount === 0;
  return (
    <div className="page" data-testid="key" data-busy={query.isPending || query.isPlaceholderData}>
      <PageHeader
        back={<BackLink href={keys}>{text.keys.title}</BackLink>}
        title={name ?? (query.error ? apiKeyId : <Bone width="200px" />)}
        tags={answer?.apiKey.status === "deleted" && <span className="tag">{text.ranking.deleted}</span>}
        facts={
          answer ? (
            <WhereFrom organizationId={organization.id} apiKey={answer.apiKey} view={view} seesPeople={seesPeople} />
          ) : (
            !query.error && (
              <p className="page-fact">
                <Bone width="260px" />
              </p>
            )
          )
        }
        organization={organization}
        view={view}
        span={question}
        today={today}
        asOf={useShownAsOf(query, answer)}
        onChange={change}
      />
      <Answer query={query} away={{ href: keys, label: text.keys.back }}>
        <Explaining question={seesPeople && !query.isPlaceholderData ? { ...narrowed, groupBy: ["model"] } : null}>
          <UsageCards
            summary={answer?.summary ?? null}
            saved={query.isPlaceholderData ? null : saving?.all}
            unpricedPath={seesPeople ? unpricedPath(organization.id, view, { apiKey: [apiKeyId] }) : undefined}
          />
          {empty ? (
            <NoUsage whose={name ?? ""} span={question} onChange={change} />
          ) : (
            <ModelUsage
              answer={answer}
              state={view}
              span={question}
              csv={keyCsvPath(apiKeyId, question)}
              picture={fileName(organization.id, `key-${apiKeyId}`, question, view.zone, "png")}
              onChange={change}
              pathOf={
                seesPeople
                  ? (model, span) =>
                      narrowedPath(organization.id, within(view, span), "source", { model: [model], apiKey: [apiKeyId] })
                  : undefined
              }
            />
          )}
        </Explaining>
      </Answer>
    </div>
  );
}

interface WhereFromProps {
  organizationId: string;
  apiKey: KeyFacts;
  view: TimeWindow;
  seesPeople: boolean;
}

function WhereFrom({ organizationId, apiKey, view, seesPeople }: WhereFromProps) {
  const creator = creatorName(apiKey);
  return (
    <dl className="page-fact page-facts">
      <div>
        <dt>{text.keys.project}</dt>
        <dd>
          <Link
            href={keysPath(organizationId, view, { project: apiKey.projectId })}
            className="text-link"
            data-testid="key-project"
          >
            {apiKey.projectName}
          </Link>
        </dd>
      </div>
      <div>
        <dt>{text.keys.creator}</dt>
        <dd>
          {seesPeople && apiKey.createdBy !== null ? (
            <Link href={memberPath(organizationId, apiKey.createdBy, view)} className="text-link" data-testid="key-creator">
              {creator}
            </Link>
          ) : (
            creator
          )}
        </dd>
      </div>
      {apiKey.description && (
        <div>
          <dt>{text.keys.id}</dt>
          <dd>
            <code>{apiKey.id}</code>
          </dd>
        </div>
      )}
    </dl>
  );
}
