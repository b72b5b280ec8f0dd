import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { exactText } from "../../api/exact";
import { fetchIntake } from "../../api/intake";
import { activityQuery, reconciliationQuery } from "../../api/queries";
import { billers, type Biller } from "../../api/reconciliation";
import type { Organization } from "../../api/types";
import { count } from "../../format/counts";
import { dayText, spanText } from "../../format/dates";
import { exactMoney } from "../../format/money";
import { signedMoney } from "../../format/signed";
import type { Month } from "../../state/closingView";
import type { TimeWindow } from "../../state/timeWindow";
import { text } from "../../text";
import { Bone } from "../../ui/Bone";
import { explanation } from "../../ui/Failure";
import { Icon } from "../../ui/Icon";
import { intakeOfPath, reconciliationPath, unpricedPath } from "../routes";
import { daysOf, reconciledDays, sourcesOf } from "./months";

const words = text.closing.checks;

interface Props {
  organization: Organization;
  month: Month;
  zone: string;
  /** What arrived is for owners and the operator to read. */
  seesIntake: boolean;
}

/** What is worth a look before a month is closed. None of it has to be settled. */
export function Checklist({ organization, month, zone, seesIntake }: Props) {
  return (
    <section className="card checklist" aria-labelledby="checklist-title" data-testid="checklist">
      <header>
        <h2 id="checklist-title">{words.title}</h2>
        <p className="muted page-lead">{words.lead}</p>
      </header>
      <ul>
        <Unpriced organization={organization} month={month} zone={zone} />
        {billers.map((provider) => (
          <Invoice key={provider} organization={organization} month={month} provider={provider} />
        ))}
        {seesIntake && <Intake organization={organization} month={month} />}
      </ul>
    </section>
  );
}

const windowOf = (month: Month, zone: string): TimeWindow => ({
  range: { kind: "custom", ...daysOf(month) },
  zone,
  comparedWith: "fitting",
});

interface OneProps {
  organization: Organization;
  month: Month;
}

function Unpriced({ organization, month, zone }: OneProps & { zone: string }) {
  const { data, error } = useQuery(
    activityQuery({
      organizationId: organization.id,
      ...daysOf(month),
      timezone: zone,
      groupBy: [],
      filters: {},
      rankBy: "cost",
      granularity: "month",
      top: null,
      compare: null,
    }),
  );
  const n = data?.totals.unpricedRequestCount;
  return (
    <Check
      id="unpriced"
      title={words.unpriced}
      isGood={n === undefined ? null : n === 0}
      error={error}
      link={n ? { href: unpricedPath(organization.id, windowOf(month, zone)), label: words.unpricedLink } : null}
    >
      {n !== undefined && <span data-exact={n}>{n === 0 ? words.allPriced : words.withoutPrice(n, count(n))}</span>}
    </Check>
  );
}

function Invoice({ organization, month, provider }: OneProps & { provider: Biller }) {
  const { data, error } = useQuery(
    reconciliationQuery({ organizationId: organization.id, provider, ...daysOf(month) }, "model"),
  );
  const name = text.reconciliation.providers[provider];
  const covered = data && reconciledDays(data);
  const cost = data?.totals.cost;
  return (
    <Check
      id={`invoice-${provider}`}
      title={words.invoice(name)}
      isGood={covered ? covered.isWhole : null}
      error={error}
      link={{
        href: reconciliationPath(organization.id, windowOf(month, "UTC"), provider),
        label: words.invoiceLink(name),
      }}
    >
      {covered && (
        <>
          {covered.days === 0 ? words.noInvoice : words.invoiceDays(covered.days, covered.all)}{" "}
          {cost && (
            <span data-exact={exactText(cost, "gap")} title={exactMoney(exactText(cost, "gap"))}>
              {words.gap(signedMoney(cost.gap))}
            </span>
          )}
        </>
      )}
    </Check>
  );
}

function Intake({ organization, month }: OneProps) {
  const days = daysOf(month);
  const { data, error } = useQuery({
    queryKey: ["intake", organization.id, days],
    queryFn: ({ signal }) => fetchIntake(organization.id, days, signal),
  });
  const sources = data && sourcesOf(data.intake, days);
  return (
    <Check
      id="intake"
      title={words.intake}
      isGood={sources ? sources.count > 0 && sources.silent.length + sources.rejected === 0 : null}
      error={error}
      link={{ href: intakeOfPath(organization.id, days), label: words.intakeLink }}
    >
      {sources && (
        <>
          {(sources.count > 0 ? words.arrived : words.nothing)(spanText(days.from, days.to), sources.count)}{" "}
          {sources.silent.length > 0 &&
            `${words.silent(sources.silent.map(({ sender, last }) => words.since(sender, dayText(last))).join(", "))} `}
          {sources.rejected > 0 && words.rejected(sources.rejected, count(sources.rejected))}
        </>
      )}
    </Check>
  );
}

interface CheckProps {
  id: string;
  title: string;
  /** Null while it is not known. */
  isGood: boolean | null;
  error: unknown;
  link: { href: string; label: string } | null;
  children: ReactNode;
}

function Check({ id, title, isGood, error, link, children }: CheckProps) {
  return (
    <li className="check" data-testid={`check-${id}`} data-good={isGood ?? undefined}>
      <span className="check-mark">{isGood !== null && <Icon name={isGood ? "check" : "alert"} size={18} />}</span>
      <span className="check-words">
        <strong>{title}</strong>
        <span className="muted">
          {isGood !== null ? children : error ? explanation(error) : <Bone width="160px" />}
        </span>
      </span>
      {link && (
        <Link href={link.href} className="text-link" data-testid={`check-${id}-link`}>
          {link.label}
        </Link>
      )}
    </li>
  );
}
