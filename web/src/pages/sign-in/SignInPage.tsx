import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { useLocation } from "wouter";
import { forgetAnswers, meQuery } from "../../api/queries";
import { ApiError } from "../../api/request";
import { signIn } from "../../api/session";
import { destination, rememberDestination, takeDestination } from "../../state/destination";
import { settings } from "../../state/settings";
import { text } from "../../text";
import { Logo } from "../shell/Logo";
import { LanguageSwitch } from "../../ui/LanguageSwitch";
import { ThemeSwitch } from "../../ui/ThemeSwitch";
import "./sign-in.css";

function explanation(error: unknown, byLink: boolean): string {
  if (!(error instanceof ApiError)) return text.errors.broken;
  if (error.status === 401) return byLink ? text.signIn.linkWrong : text.signIn.wrong;
  if (error.status === 429) return text.signIn.tooMany;
  if (error.status === 0) return text.errors.unreachable;
  return error.problem?.detail ?? text.errors.broken;
}

/** Why a provider's sign-in came to nothing, as the address says that it leads back to. */
function refusal(): string | null {
  const reason = new URLSearchParams(location.search).get("refused");
  if (location.pathname !== "/" || reason === null) return null;
  const reasons: Record<string, string | undefined> = text.signIn.refused;
  return reasons[reason] ?? text.signIn.refused.provider;
}

/** A link and no form: the page's policy lets no form lead to another host, not even by way of ours. */
function ProviderLinks({ providers }: { providers: string[] }) {
  const next = location.pathname === "/" ? (destination() ?? "/") : location.pathname + location.search;
  return (
    <ul className="sign-in-providers">
      {providers.map((provider) => (
        <li key={provider}>
          <a
            className="button button-primary"
            href={`/v1/session/oidc?${new URLSearchParams({ provider, next })}`}
            data-testid="signin-provider"
          >
            {text.signIn.by(provider)}
          </a>
        </li>
      ))}
    </ul>
  );
}

export default function SignInPage({ linkError }: { linkError: ApiError | null }) {
  const client = useQueryClient();
  const [path, navigate] = useLocation();
  const [token, setToken] = useState("");
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    document.title = text.signIn.title;
    if (location.pathname !== "/") rememberDestination(location.pathname + location.search);
  }, []);

  const attempt = useMutation({
    mutationFn: signIn,
    onSuccess: (me) => {
      forgetAnswers(client);
      client.setQueryData(meQuery.queryKey, me);
      const destination = takeDestination();
      if (path === "/" && destination) navigate(destination, { replace: true });
    },
    onError: () => field.current?.select(),
  });

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const trimmed = token.trim();
    if (trimmed === "") field.current?.focus();
    else attempt.mutate(trimmed);
  };

  const error = attempt.error ?? (attempt.isIdle ? linkError : null);
  const providers = settings.signIn?.providers ?? [];
  const refused = attempt.isIdle ? refusal() : null;
  // What people hardly use is out of their way, unless it is what went wrong.
  const [withToken, setWithToken] = useState(providers.length === 0 || linkError !== null);
  return (
    <main className="sign-in">
      <div className="sign-in-box">
        <Logo size={36} />
        <h1>{text.signIn.title}</h1>
        <p className="muted">{providers.length > 0 ? text.signIn.leadProviders : text.signIn.lead}</p>
        {refused && (
          <p className="sign-in-refused" role="alert" data-testid="signin-refused">
            {refused}
          </p>
        )}
        {providers.length > 0 && <ProviderLinks providers={providers} />}
        {!withToken && (
          <button type="button" className="button" onClick={() => setWithToken(true)} data-testid="signin-with-token">
            {settings.signIn?.userTokens ? text.signIn.withToken : text.signIn.withOperatorToken}
          </button>
        )}
        {withToken && (
          <form onSubmit={submit}>
            <label htmlFor="token">{text.signIn.token}</label>
            <input
              ref={field}
              id="token"
              className="field"
              type="password"
              autoComplete="current-password"
              spellCheck={false}
              autoFocus
              value={token}
              aria-invalid={error !== null}
              aria-describedby="token-fault"
              onChange={(event) => setToken(event.target.value)}
              data-testid="signin-token"
            />
            <p id="token-fault" className="sign-in-fault" role="alert">
              {error ? explanation(error, error === linkError) : ""}
            </p>
            <button
              type="submit"
              className="button button-primary"
              disabled={attempt.isPending}
              data-testid="signin-submit"
            >
              {attempt.isPending ? text.signIn.submitting : text.signIn.submit}
            </button>
          </form>
        )}
        {withToken && (
          <details>
            <summary>{text.signIn.hintTitle}</summary>
            <p className="muted">{text.signIn.hint}</p>
            <code>cat DIR/operator.token</code>
          </details>
        )}
      </div>
      <span className="sign-in-switches">
        <ThemeSwitch />
        <LanguageSwitch />
      </span>
    </main>
  );
}
