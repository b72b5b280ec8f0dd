import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { activityQuery } from "../../api/queries";
import { ApiError } from "../../api/request";
import type { Me, Organization } from "../../api/types";
import { analyticsAccess } from "../../state/access";
import type { View } from "../../state/view";
import { text } from "../../text";
import { DEFAULT_RANGE } from "../../time/range";
import { Failure } from "../../ui/Failure";
import { ActivityView } from "./ActivityView";
import { Header } from "./Header";
import { NeedsPlan, NeedsRole } from "./Refused";
import { chartQuestion } from "./question";
import { useToday } from "./useToday";
import { useView } from "./useView";
import "./analytics.css";

interface Props {
  me: Me;
  organization: Organization;
}

export function AnalyticsPage({ me, organization }: Props) {
  useEffect(() => {
    document.title = text.documentTitle(text.analytics.title, organization.name);
  }, [organization.name]);

  const access = analyticsAccess(me.kind, organization);
  if (access === "needs-plan") return <NeedsPlan organization={organization} />;
  if (access === "needs-role") return <NeedsRole organization={organization} />;
  return <Analytics organization={organization} />;
}

function Analytics({ organization }: { organization: Organization }) {
  const [view, change] = useView();
  const today = useToday(view.zone);
  const question = chartQuestion(organization.id, view, today);
  const answer = useQuery({
    ...activityQuery(question),
    // Days that are over do not change while somebody looks at them; today does.
    refetchInterval: question.to >= today ? 60_000 : false,
  });

  const failure = answer.error && (answer.isPlaceholderData || !answer.data) ? answer.error : null;
  return (
    <div className="analytics" data-testid="analytics" data-busy={answer.isPending || answer.isPlaceholderData}>
      <Header
        organization={organization}
        view={view}
        span={question}
        today={today}
        asOf={answer.data?.asOf ?? null}
        onChange={change}
      />
      {failure ? (
        <Failure
          error={failure}
          onRetry={() => void answer.refetch()}
          actions={isBadRequest(failure) && <ResetButton onChange={change} />}
        />
      ) : (
        <ActivityView
          view={view}
          question={question}
          today={today}
          activity={answer.data ?? null}
          former={answer.isPlaceholderData}
          onChange={change}
        />
      )}
    </div>
  );
}

function isBadRequest(error: unknown): boolean {
  return error instanceof ApiError && error.status === 400;
}

function ResetButton({ onChange }: { onChange: (change: Partial<View>) => void }) {
  return (
    <button
      type="button"
      className="button"
      onClick={() => onChange({ range: DEFAULT_RANGE, zone: "UTC", per: null })}
    >
      {text.errors.reset}
    </button>
  );
}
