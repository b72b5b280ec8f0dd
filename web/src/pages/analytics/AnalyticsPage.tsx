import { useQuery, useQueryClient } from "@tanstack/react-query";
import { calendarQuery } from "../../api/queries";
import { isBadRequest } from "../../api/request";
import type { Me, Organization } from "../../api/types";
import { changeView, readView, writeView, type View } from "../../state/view";
import { text } from "../../text";
import { DEFAULT_RANGE } from "../../time/range";
import { Failure } from "../../ui/Failure";
import { Guarded } from "../parts/Guarded";
import { PageHeader } from "../parts/PageHeader";
import { useAddress, type Change } from "../useAddress";
import { useTitle } from "../useTitle";
import { refreshing } from "../window/useQuestion";
import { useShownAsOf } from "../window/useShownAsOf";
import { useCalendar } from "../window/WithCalendar";
import { ActivityView } from "./ActivityView";
import { charted } from "./question";
import "../parts/page.css";

interface Props {
  me: Me;
  organization: Organization;
}

export function AnalyticsPage({ me, organization }: Props) {
  useTitle(text.analytics.title, organization.name);
  return (
    <Guarded me={me} organization={organization} title={text.analytics.title}>
      <Analytics organization={organization} operates={me.kind === "operator"} />
    </Guarded>
  );
}

const spelling = { read: readView, write: writeView, merge: changeView };

function Analytics({ organization, operates }: { organization: Organization; operates: boolean }) {
  const client = useQueryClient();
  const [view, setView] = useAddress<View>(spelling);
  const { today } = useCalendar();
  const { question, query } = charted(organization.id, view, today);
  const answer = useQuery({ ...query, refetchInterval: refreshing(question, today) });

  const lookAhead = (part: Partial<View>) => {
    const next = changeView(view, part);
    // Without a calendar it is not known which days of that zone are meant.
    const calendar = client.getQueryData(calendarQuery(next.zone).queryKey);
    if (!calendar) return;
    const { query } = charted(organization.id, next, calendar.today);
    if (client.getQueryData(query.queryKey) === undefined) void client.prefetchQuery(query);
  };
  // The question is on its way while the page still shows that it has been asked.
  const change: Change<View> = (part, how) => {
    lookAhead(part);
    setView(part, how);
  };

  const failure = answer.error && (answer.isPlaceholderData || !answer.data) ? answer.error : null;
  return (
    <div className="page" data-testid="analytics" data-busy={answer.isPending || answer.isPlaceholderData}>
      <PageHeader
        title={text.analytics.title}
        organization={organization}
        view={view}
        span={question}
        today={today}
        asOf={useShownAsOf(answer, answer.data?.activity)}
        compares
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
          operates={operates}
          charted={answer.data ?? null}
          former={answer.isPlaceholderData}
          onChange={change}
          onIntent={lookAhead}
        />
      )}
    </div>
  );
}

function ResetButton({ onChange }: { onChange: (change: Partial<View>) => void }) {
  return (
    <button
      type="button"
      className="button"
      onClick={() => onChange({ range: DEFAULT_RANGE, zone: "UTC" })}
    >
      {text.errors.reset}
    </button>
  );
}
