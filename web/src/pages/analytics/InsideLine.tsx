import { useQuery } from "@tanstack/react-query";
import { fetchActivity } from "../../api/activity";
import { fetchChange } from "../../api/change";
import { exactText } from "../../api/exact";
import { insideText, movedMostInside, sinceDay, sinceQuestion, type InsideQuestion } from "./inside";

interface Props {
  asked: InsideQuestion;
  /** The sentence has been shown for a moment. */
  enabled: boolean;
  refetchInterval: number | false;
}

/** What moved most inside the entry of a sentence. Its lines are there from the start, so that nothing moves for it. */
export function InsideLine({ asked, enabled, refetchInterval }: Props) {
  const { data: change } = useQuery({
    queryKey: ["change", asked.question, asked.groupBy],
    queryFn: ({ signal }) => fetchChange(asked.question, asked.groupBy, { signal }),
    enabled,
    refetchInterval,
  });
  const most = change ? movedMostInside(change) : null;
  const days = change && most && sinceQuestion(asked, change, most);
  const { data: activity } = useQuery({
    queryKey: ["since", days],
    queryFn: ({ signal }) => (days ? fetchActivity(days, { signal }) : null),
    enabled: enabled && Boolean(days),
  });
  if (!most) return <span className="change-inside" />;
  const since = activity ? sinceDay(activity, asked.question.from) : null;
  const [what, amount] = insideText(most, since);
  const exact = exactText(most.item, "cost");
  return (
    <span className="change-inside" data-testid="change-inside" data-exact={exact} title={`${what} ${amount}`}>
      <span className="change-inside-what">{what}</span> <span className="change-inside-amount">{amount}</span>
    </span>
  );
}
