import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { acceptInvitation, readInvitation } from "../../api/account";
import { forgetAnswers, meQuery } from "../../api/queries";
import { settings } from "../../state/settings";
import { text } from "../../text";
import { roleName } from "../members/columns";
import { Box } from "./Box";
import { accountWords as words } from "./words";

/** Somebody has the link to an invitation. Opening it accepts nothing: programs that look at mail open links as well. */
export default function InvitationPage() {
  const client = useQueryClient();
  // It leaves the address bar and the history before anything else can read or share it.
  const [secret] = useState(() => location.hash.slice(1));
  useEffect(() => {
    document.title = words.invitation;
    history.replaceState(null, "", location.pathname);
  }, []);
  const open = useQuery({ queryKey: ["invitation", secret], queryFn: () => readInvitation(secret), retry: false, staleTime: Infinity });
  const accept = useMutation({
    mutationFn: acceptInvitation,
    onSuccess: (signInAt) => {
      if (signInAt !== null) return location.assign(signInAt);
      forgetAnswers(client);
      void client.invalidateQueries({ queryKey: meQuery.queryKey });
      history.replaceState(null, "", "/");
      dispatchEvent(new PopStateEvent("popstate"));
    },
  });
  if (open.error) {
    const isGone = (open.error as { status?: number }).status === 404;
    return (
      <Box title={words.invitation} error={isGone ? null : open.error}>
        {isGone && words.noInvitation}
      </Box>
    );
  }
  if (!open.data) return <Box title={words.invitation}>…</Box>;
  const providers = settings.signIn?.providers ?? [];
  const withoutProvider = settings.signIn === null || settings.signIn.userTokens;
  const { organizationName, invitedBy, email, role } = open.data;
  return (
    <Box
      title={words.invitedTo(organizationName)}
      error={accept.error}
      actions={
        <div className="sign-in-providers">
          {providers.map((provider) => (
            <button
              key={provider}
              type="button"
              className="button button-primary"
              disabled={accept.isPending}
              onClick={() => accept.mutate({ secret, provider })}
              data-testid="accept-by"
            >
              {text.signIn.by(provider)}
            </button>
          ))}
          {withoutProvider && (
            <button
              type="button"
              className={providers.length > 0 ? "button" : "button button-primary"}
              disabled={accept.isPending}
              onClick={() => accept.mutate({ secret })}
              data-testid="accept"
            >
              {providers.length > 0 ? words.acceptWithout : words.accept}
            </button>
          )}
        </div>
      }
    >
      {words.invitedBy(invitedBy, email, roleName(role))} {withoutProvider && words.acceptLead}
    </Box>
  );
}
