import { Link } from "wouter";
import type { KeyRow } from "../../api/keys";
import { spent } from "../../charts/measure";
import { exactText } from "../../api/exact";
import { exactMoney } from "../../format/money";
import type { TimeWindow } from "../../state/timeWindow";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { keyName } from "../keys/columns";
import { sumOf } from "../keys/sums";
import { keyPath } from "../routes";

interface Props {
  organizationId: string;
  /** Null while the answer is on its way. */
  keys: readonly KeyRow[] | null;
  view: TimeWindow;
}

export function OwnKeys({ organizationId, keys, view }: Props) {
  const total = keys && sumOf(keys);
  return (
    <section className="card panel" aria-labelledby="own-keys-title" data-testid="own-keys">
      <header className="panel-header">
        <h2 id="own-keys-title">{text.mine.yourKeys}</h2>
      </header>
      <table className="ranking ranking-plain">
        <thead>
          <tr>
            <th scope="col">{text.keys.key}</th>
            <th scope="col" className="number">
              {text.metrics.cost}
            </th>
          </tr>
        </thead>
        <tbody>
          {keys?.map((key) => (
            <tr key={key.id} data-testid="own-key" data-key={key.id}>
              <th scope="row">
                <span className="ranking-name">
                  <Link
                    href={keyPath(organizationId, key.id, view)}
                    className="truncate row-link"
                    title={keyName(key)}
                    data-testid="list-link"
                  >
                    {keyName(key)}
                  </Link>
                  {key.status === "deleted" && <span className="tag">{text.ranking.deleted}</span>}
                </span>
              </th>
              <td className="number" title={exactMoney(exactText(key, "cost"))} data-exact={exactText(key, "cost")}>
                {spent(key)}
              </td>
            </tr>
          )) ?? (
            <tr>
              <th scope="row">
                <Bone width="150px" />
              </th>
              <td className="number">
                <Bone width="56px" />
              </td>
            </tr>
          )}
        </tbody>
        {keys && total && (
          <tfoot>
            <tr data-testid="own-keys-foot">
              <th scope="row">{text.chart.total}</th>
              <td className="number" title={exactMoney(exactText(total, "cost"))} data-exact={exactText(total, "cost")}>
                {spent(total)}
              </td>
            </tr>
          </tfoot>
        )}
      </table>
    </section>
  );
}
