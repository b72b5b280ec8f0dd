import { count } from "../../format/counts";
import { text } from "../../text";
import type { Metrics } from "./metrics";
import "../lists/lists.css";

const words = text.administration.health;
const results = ["accepted", "duplicate", "ignored", "rejected"] as const;

export function FeedsTable({ feeds }: { feeds: Metrics["feeds"] }) {
  return (
    <section className="card list-panel" aria-label={words.feeds}>
      <table className="list entries feeds" aria-label={words.feeds} data-testid="feeds-table">
        <thead>
          <tr>
            <th scope="col">{words.feeds}</th>
            {results.map((result) => (
              <th key={result} scope="col" className="number">
                {words.results[result]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {feeds.map((one) => (
            <tr key={one.feed} data-testid="feed-row" data-key={one.feed}>
              <th scope="row">{words.feedNames[one.feed as keyof typeof words.feedNames] ?? one.feed}</th>
              {results.map((result) => (
                <td key={result} className="number" data-field={result}>
                  {count(one.results[result] ?? 0)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
