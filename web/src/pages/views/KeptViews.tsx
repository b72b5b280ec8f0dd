import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { meQuery, viewsQuery } from "../../api/queries";
import { createView, type View } from "../../api/views";
import { keptViews, withoutKept, type KeptView } from "../../state/keptViews";
import { text } from "../../text";
import { explanation } from "../../ui/Failure";

/** The server's limit, in this form's own words. */
const MAX_CHARS = 80;

/** Views that this browser kept before they were shared: carried over once, when their owner says so. */
export function KeptViews({ organizationId, views }: { organizationId: string; views: readonly View[] }) {
  const client = useQueryClient();
  const me = useQuery(meQuery).data;
  const key = `rollcall.views.${me?.user?.id ?? `~${me?.kind ?? ""}`}`;
  const [kept, setKept] = useState(() => keptViews(load(key), organizationId));
  const forget = (gone: readonly KeptView[]) => {
    store(key, withoutKept(load(key), gone));
    setKept(keptViews(load(key), organizationId));
  };
  const share = useMutation({
    mutationFn: async () => {
      const names = new Set(views.map(({ name }) => name));
      for (const one of kept) {
        const isThere = views.some(({ name, path }) => name === one.name && path === one.path);
        const name = names.has(one.name) ? text.views.mine(one.name) : one.name;
        if (!isThere) await createView(organizationId, { name: name.slice(0, MAX_CHARS), path: one.path });
        // One by one, so that what a failure leaves is offered again.
        forget([one]);
      }
    },
    onSettled: () => client.invalidateQueries({ queryKey: viewsQuery(organizationId).queryKey }),
  });
  if (kept.length === 0) return null;
  return (
    <div className="views-kept" data-testid="kept-views">
      <p>{text.views.kept(kept.map(({ name }) => name).join(", "))}</p>
      {share.error && (
        <p className="views-fault" role="alert">
          {explanation(share.error)}
        </p>
      )}
      <button type="button" className="button" disabled={share.isPending} onClick={() => share.mutate()} data-testid="share-kept">
        {text.views.shareKept}
      </button>{" "}
      <button type="button" className="button button-quiet" onClick={() => forget(kept)} data-testid="forget-kept">
        {text.views.forgetKept}
      </button>
    </div>
  );
}

function load(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, value: string | null): void {
  if (value === null) localStorage.removeItem(key);
  else localStorage.setItem(key, value);
}
