import { useState } from "react";
import { changeDirectory } from "../../api/administration";
import { text } from "../../text";
import { explanation } from "../../ui/Failure";
import { FormDialog } from "./FormDialog";
import { nameOf } from "./names";
import { keptDays, OrganizationFields, saveOrganization } from "./OrganizationForm";
import type { PartProps } from "./part";
import { useChange } from "./queries";

const words = text.administration.organization;

export function OrganizationSettings({ organization, operates }: PartProps) {
  const [deleting, setDeleting] = useState(false);
  const [shortening, setShortening] = useState<FormData | null>(null);
  const save = useChange((values: FormData) => saveOrganization(organization.id, values));
  const setStatus = useChange((status: "active" | "deleted") =>
    changeDirectory({ organizations: [{ id: organization.id, status }] }),
  );
  const deleted = organization.status === "deleted";
  const name = nameOf(organization);
  return (
    <>
      <section className="card form-card" aria-label={words.settings}>
        <form
          className="form"
          onSubmit={(event) => {
            event.preventDefault();
            const values = new FormData(event.currentTarget);
            // What is removed then does not come back.
            if ((keptDays(values) ?? Infinity) < (organization.retentionDays ?? Infinity)) setShortening(values);
            else save.mutate(values);
          }}
          onChange={() => save.reset()}
        >
          <OrganizationFields organization={organization} operates={operates} />
          <div className="form-end">
            <button type="submit" className="button button-primary" disabled={save.isPending} data-testid="save">
              {save.isPending ? text.administration.saving : text.administration.save}
            </button>
            <span role="status" className="muted" data-testid="saved">
              {save.isSuccess && text.administration.saved}
            </span>
            <span role="alert" className="form-fault">
              {save.error !== null && explanation(save.error)}
            </span>
          </div>
        </form>
      </section>
      {operates && (
        <section className="card form-card form-row">
          <div>
            <h2>{deleted ? words.restoreHeading : words.deleteHeading}</h2>
            <p className="muted">{deleted ? words.deleted : words.deleteLead}</p>
          </div>
          {deleted ? (
            <button type="button" className="button" onClick={() => setStatus.mutate("active")} data-testid="restore">
              {text.administration.restore}
            </button>
          ) : (
            <button type="button" className="button button-bad" onClick={() => setDeleting(true)} data-testid="delete">
              {text.administration.delete}
            </button>
          )}
        </section>
      )}
      {shortening && (
        <FormDialog
          title={words.shortenTitle(keptDays(shortening) ?? 0)}
          lead={words.shortenLead}
          submit={words.shorten}
          danger
          onClose={() => setShortening(null)}
          onSubmit={async () => {
            await save.mutateAsync(shortening);
            setShortening(null);
          }}
        />
      )}
      {deleting && (
        <FormDialog
          title={words.deleteTitle(name)}
          lead={words.deleteLead}
          submit={text.administration.delete}
          danger
          onClose={() => setDeleting(false)}
          onSubmit={async () => {
            await setStatus.mutateAsync("deleted");
            setDeleting(false);
          }}
        />
      )}
    </>
  );
}
