import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { createToken } from "../../api/administration";
import { meQuery } from "../../api/queries";
import { text } from "../../text";
import { explanation } from "../../ui/Failure";
import { Snippet } from "../../ui/Snippet";
import { useChange } from "../administration/queries";
import { Secret } from "../administration/Secret";
import { SenderPicker } from "./SenderPicker";
import { setupFor, type Sender } from "./snippets";
import "../administration/administration.css";
import "./onboarding.css";

const words = text.onboarding;

/** How to send an organization's first event, and that it is waited for. */
export function Onboarding({ organizationId }: { organizationId: string }) {
  const me = useQuery(meQuery).data;
  const [sender, setSender] = useState<Sender>("curl");
  const create = useChange(createToken);
  const token = create.data?.token ?? null;
  const setup = setupFor(sender, location.origin, token);
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
          <SenderPicker value={sender} onChange={setSender} />
          <p className="muted">{words.senderLeads[sender]}</p>
          {setup.parts.map(({ where, code }) => {
            const place = typeof where === "string" ? where : words.places[where.place](where.of);
            return (
              <figure key={place}>
                <figcaption>{place}</figcaption>
                <Snippet label={`${setup.name}, ${place}`} code={code} />
              </figure>
            );
          })}
          {setup.tried && <p className="muted">{words.tried(setup.tried.join(", "))}</p>}
          {setup.doctor && (
            <figure>
              <figcaption>{words.doctor}</figcaption>
              <Snippet label={words.doctor} code={`rollcall doctor --client ${sender} --url ${location.origin}`} />
            </figure>
          )}
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
