import type { ReactNode } from "react";
import { Link } from "wouter";
import { ApiError } from "../../api/request";
import { text } from "../../text";
import { Failure } from "../../ui/Failure";
import { Notice } from "../../ui/Notice";
import { useDimmed } from "../../ui/useDimmed";

interface Props {
  query: { error: unknown; isPlaceholderData: boolean; data: unknown; isPending: boolean; refetch: () => unknown };
  /** Where to go from something that does not exist. */
  away: { href: string; label: string };
  children: ReactNode;
}

/** The former answer stays while the next one is on its way; what failed says so in its place. */
export function Answer({ query, away, children }: Props) {
  const dimmed = useDimmed(query.isPlaceholderData);
  const failed = query.error && (query.isPlaceholderData || !query.data) ? query.error : null;
  const actions = (
    <Link href={away.href} className="button">
      {away.label}
    </Link>
  );
  if (failed instanceof ApiError && failed.status === 404) {
    return (
      <Notice icon="search" title={text.errors.notFoundTitle} actions={actions}>
        <p>{failed.problem?.detail ?? text.errors.notFound}</p>
      </Notice>
    );
  }
  if (failed) {
    const refused = failed instanceof ApiError && failed.status === 403;
    return <Failure error={failed} onRetry={() => void query.refetch()} actions={refused && actions} />;
  }
  return (
    <div className="activity" data-former={dimmed} aria-busy={query.isPending || query.isPlaceholderData}>
      <span className="visually-hidden" role="status">
        {query.isPending ? text.analytics.loading : query.isPlaceholderData ? text.analytics.updating : ""}
      </span>
      {children}
    </div>
  );
}
