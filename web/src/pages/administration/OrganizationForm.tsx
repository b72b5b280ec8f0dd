import { changeDirectory, type OrganizationEntry, type Plan } from "../../api/administration";
import { text } from "../../text";
import { ChoiceField, Field, typed, ZoneField } from "./Field";

const words = text.administration.organization;
const plans: readonly Plan[] = ["enterprise", "pro", "free"];

/** The fields of an organization; its id only while it has none. */
export function OrganizationFields({ organization }: { organization: OrganizationEntry | null }) {
  return (
    <>
      {organization === null && (
        <Field name="id" label={text.administration.id} hint={text.administration.idHint} required />
      )}
      <Field name="name" label={text.administration.name} value={organization?.name} />
      <ChoiceField
        name="plan"
        label={words.plan}
        hint={words.planHint}
        choices={plans.map((plan) => ({ value: plan, label: words.plans[plan] }))}
        value={organization?.plan ?? "enterprise"}
      />
      <ZoneField value={organization?.timezone ?? null} isNew={organization === null} />
    </>
  );
}

export function saveOrganization(id: string, values: FormData): Promise<unknown> {
  const organization: OrganizationEntry = {
    id,
    name: typed(values, "name"),
    plan: typed(values, "plan") as Plan | null,
    timezone: typed(values, "timezone"),
  };
  return changeDirectory({ organizations: [organization] });
}
