import { useQuery } from "@tanstack/react-query";
import { useLocation } from "wouter";
import { meQuery } from "../../api/queries";
import { text } from "../../text";
import { explanation } from "../../ui/Failure";
import { Field, filled, ZoneField } from "../administration/Field";
import { saveOrganization } from "../administration/OrganizationForm";
import { useChange } from "../administration/queries";
import { analyticsPath } from "../routes";
import "../administration/administration.css";
import "./onboarding.css";

const words = text.onboarding;
const POLL_MS = 3000;

/** A server without organizations: its operator makes one here, or somebody's first event makes one meanwhile. */
export default function FirstOrganization() {
  useQuery({ ...meQuery, refetchInterval: POLL_MS });
  const [, navigate] = useLocation();
  const save = useChange((values: FormData) => saveOrganization(filled(values, "id"), values));
  return (
    <section className="card onboarding onboarding-first" aria-labelledby="onboarding-title" data-testid="first-organization">
      <header>
        <h1 id="onboarding-title">{words.welcome}</h1>
        <p className="muted">{words.welcomeLead}</p>
      </header>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          const values = new FormData(event.currentTarget);
          save.mutate(values, { onSuccess: () => navigate(analyticsPath(filled(values, "id")), { replace: true }) });
        }}
      >
        <Field name="id" label={text.administration.id} hint={text.administration.idHint} required />
        <Field name="name" label={text.administration.name} />
        <ZoneField value={null} isNew />
        <div className="form-end">
          <button type="submit" className="button button-primary" disabled={save.isPending} data-testid="first-submit">
            {words.welcomeDo}
          </button>
          <span role="alert" className="form-fault">
            {save.error !== null && explanation(save.error)}
          </span>
        </div>
      </form>
    </section>
  );
}
