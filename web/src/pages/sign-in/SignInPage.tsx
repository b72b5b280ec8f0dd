import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { useLocation } from "wouter";
import { forgetAnswers, meQuery } from "../../api/queries";
import { ApiError } from "../../api/request";
import { signIn } from "../../api/session";
import { rememberDestination, takeDestination } from "../../state/destination";
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

export default function SignInPage({ linkError }: { linkError: ApiError | null }) {
  const client = useQueryClient();
  const [path, navigate] = useLocation();
  const [token, setToken] = useState("");
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    document.title = text.signIn.title;
    rememberDestination(location.pathname + location.search);
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
  return (
    <main className="sign-in">
      <div className="sign-in-box">
        <Logo size={36} />
        <h1>{text.signIn.title}</h1>
        <p className="muted">{text.signIn.lead}</p>
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
        <details>
          <summary>{text.signIn.hintTitle}</summary>
          <p className="muted">{text.signIn.hint}</p>
          <code>cat DIR/operator.token</code>
        </details>
      </div>
      <span className="sign-in-switches">
        <ThemeSwitch />
        <LanguageSwitch />
      </span>
    </main>
  );
}
