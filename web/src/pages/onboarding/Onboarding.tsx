import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { createToken } from "../../api/administration";
import { meQuery } from "../../api/queries";
import { text } from "../../text";
import { explanation } from "../../ui/Failure";
import { Segmented } from "../../ui/Segmented";
import { Snippet } from "../../ui/Snippet";
import { useChange } from "../administration/queries";
import { Secret } from "../administration/Secret";
import { senders, snippetFor, type Sender } from "./snippets";
import "../administration/administration.css";
import "./onboarding.css";

const words = text.onboarding;

/** How to send an organization's first event, and that it is waited for. */
export function Onboarding({ organizationId }: { organizationId: string }) {
  const me = useQuery(meQuery).data;
  const [sender, setSender] = useState<Sender>("curl");
  const create = useChange(createToken);
  const token = create.data?.token ?? null;
  const organization = me?.organizations.find((one) => one.id === organizationId)?.name ?? organizationId;
  return (
    <section className="card onboarding" aria-labelledby="onboarding-title" data-testid="onboarding">
      <header>
        <h2 id="onboarding-title">{words.title}</h2>
        <p className="muted">{words.lead(organization)}</p>
      </header>
      <ol>
        <Step title={words.token}>
          {token !== null ? (
            <Secret label={text.administration.token.secret} hint={words.tokenMade} value={token} testId="onboarding-token" />
          ) : me?.kind === "operator" ? (
            <>
              <p className="muted">{words.tokenLead}</p>
              <button
                type="button"
                className="button button-primary"
                disabled={create.isPending}
                onClick={() => create.mutate({ kind: "ingest", organizationId, label: words.tokenLabel })}
                data-testid="onboarding-make"
              >
                {words.tokenDo}
              </button>
              <p className="form-fault" role="alert">
                {create.error !== null && explanation(create.error)}
              </p>
            </>
          ) : (
            <>
              <p className="muted">{words.tokenAsk}</p>
              <Snippet
                label={words.token}
                code={`rollcall token create ingest --organization ${organizationId} --label gateway --data-dir DIR`}
              />
            </>
          )}
        </Step>
        <Step title={words.send}>
          <Segmented
            label={words.send}
            choices={senders.map((one) => ({ value: one, label: words.senders[one] }))}
            value={sender}
            onChange={setSender}
            testIdPrefix="sender"
          />
          <p className="muted">{words.senderLeads[sender]}</p>
          <Snippet label={words.senders[sender]} code={snippetFor(sender, location.origin, token)} />
        </Step>
        <Step title={words.waiting}>
          <p className="muted onboarding-waiting" role="status">
            <span className="onboarding-pulse" aria-hidden="true" />
            {words.waitingLead}
          </p>
        </Step>
      </ol>
    </section>
  );
}

function Step({ title, children }: { title: string; children: ReactNode }) {
  return (
    <li>
      <div className="onboarding-step">
        <h3>{title}</h3>
        {children}
      </div>
    </li>
  );
}
