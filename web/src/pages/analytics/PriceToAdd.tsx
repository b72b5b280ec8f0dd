import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import type { ActivityQuestion } from "../../api/activity";
import { activityQuery } from "../../api/queries";
import { seriesKeys } from "../../state/series";
import { text } from "../../text";
import { Snippet } from "../../ui/Snippet";
import { administrationRoutes } from "../routes";
import { rankingQuestion } from "./question";

/** Of more models it would be a wall of text; they are in the ranking. */
const MOST = 8;

interface Props {
  question: ActivityQuestion;
  operates: boolean;
}

/** Above calls without a price: which models those are of, as they stand in the file of own prices. */
export default function PriceToAdd({ question, operates }: Props) {
  const { data } = useQuery(activityQuery(rankingQuestion({ ...question, groupBy: ["model", "provider"], rankBy: "requests" })));
  const pairs = data?.ranking.map(seriesKeys).slice(0, MOST) ?? [];
  if (pairs.length === 0) return null;
  const entries = pairs.map(([model, provider]) => `    ${JSON.stringify({ model, provider, inputPerMillion: "…", outputPerMillion: "…" })}`);
  return (
    <section className="card panel" aria-labelledby="price-title" data-testid="price-to-add">
      <header className="panel-header">
        <h2 id="price-title">{text.unpriced.title}</h2>
      </header>
      <p className="muted">{operates ? text.unpriced.forOperator : text.unpriced.forOthers}</p>
      <Snippet label={text.unpriced.file} code={`{\n  "prices": [\n${entries.join(",\n")}\n  ]\n}`} />
      {operates && (
        <p>
          <Link href={administrationRoutes.store} className="text-link" data-testid="reprice-link">
            {text.unpriced.reprice}
          </Link>
        </p>
      )}
    </section>
  );
}
