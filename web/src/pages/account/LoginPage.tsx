import { useMutation } from "@tanstack/react-query";
import { useEffect, useState, type FormEvent } from "react";
import { decideOnProgram, fetchProgram, letIn, type LocalProgram } from "../../api/account";
import type { Me } from "../../api/types";
import { momentText } from "../../format/dates";
import { useCalendar } from "../window/WithCalendar";
import { Box } from "./Box";
import { accountWords as words } from "./words";

/** Somebody lets a program in: one on this machine, which the address names, or one that shows a code. */
export default function LoginPage({ me }: { me: Me }) {
  useEffect(() => {
    document.title = words.program;
  }, []);
  const asked = new URLSearchParams(location.search);
  if (me.user == null) return <Box title={words.onlyPeople}>{words.onlyPeopleLead}</Box>;
  const who = me.user.name ?? me.user.email ?? me.user.id;
  const redirectUri = asked.get("redirect_uri");
  if (redirectUri === null) return <ByCode who={who} given={asked.get("code") ?? ""} />;
  const [state, codeChallenge] = [asked.get("state"), asked.get("code_challenge")];
  if (!state || !codeChallenge) return <Box title={words.wrongAddress}>{words.wrongAddressLead}</Box>;
  return <OnThisMachine who={who} program={{ redirectUri, state, codeChallenge, name: asked.get("name") ?? "" }} />;
}

interface ChoiceProps {
  busy: boolean;
  onDecide: (allow: boolean) => void;
}

function Choice({ busy, onDecide }: ChoiceProps) {
  return (
    <div className="sign-in-providers">
      <button type="button" className="button button-primary" disabled={busy} onClick={() => onDecide(true)} data-testid="login-allow">
        {words.allow}
      </button>
      <button type="button" className="button" disabled={busy} onClick={() => onDecide(false)} data-testid="login-refuse">
        {words.refuse}
      </button>
    </div>
  );
}

function OnThisMachine({ who, program }: { who: string; program: LocalProgram }) {
  const [refused, setRefused] = useState(false);
  const allow = useMutation({ mutationFn: letIn, onSuccess: (to) => location.assign(to) });
  if (refused) return <Box title={words.refused}>{words.refusedLead}</Box>;
  return (
    <Box
      title={words.program}
      error={allow.error}
      actions={
        <Choice
          busy={allow.isPending || allow.isSuccess}
          onDecide={(allowed) => (allowed ? allow.mutate(program) : setRefused(true))}
        />
      }
    >
      {words.asks(program.name ?? "")} {words.signedInAs(who)} {words.own}
    </Box>
  );
}

function ByCode({ who, given }: { who: string; given: string }) {
  const calendar = useCalendar();
  const [code, setCode] = useState(given);
  const find = useMutation({ mutationFn: fetchProgram });
  const decide = useMutation({ mutationFn: decideOnProgram });
  if (decide.isSuccess) {
    const { allow } = decide.variables;
    return <Box title={allow ? words.allowed : words.refused}>{allow ? words.allowedLead : words.refusedLead}</Box>;
  }
  if (find.data) {
    return (
      <Box
        title={words.program}
        error={decide.error}
        actions={<Choice busy={decide.isPending} onDecide={(allow) => decide.mutate({ code, allow })} />}
      >
        {words.asks(find.data.name)} {words.signedInAs(who)} {words.elsewhere(find.data.from, momentText(find.data.askedAt, calendar))}
      </Box>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    find.mutate(code.trim());
  };
  return (
    <Box
      title={words.program}
      error={find.error}
      actions={
        <form onSubmit={submit}>
          <label htmlFor="code">{words.code}</label>
          <input
            id="code"
            className="field"
            value={code}
            required
            autoFocus
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setCode(event.target.value)}
            data-testid="login-code"
          />
          <p />
          <button type="submit" className="button button-primary" disabled={find.isPending} data-testid="login-next">
            {words.next}
          </button>
        </form>
      }
    >
      {words.codeLead}
    </Box>
  );
}
