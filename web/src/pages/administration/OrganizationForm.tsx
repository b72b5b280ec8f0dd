import { changeDirectory, type OrganizationEntry, type Plan } from "../../api/administration";
import { text } from "../../text";
import { ChoiceField, Field, typed, ZoneField } from "./Field";

const words = text.administration.organization;
const plans: readonly Plan[] = ["enterprise", "pro", "free"];

interface FieldsProps {
  organization: OrganizationEntry | null;
  operates?: boolean;
}

/** The fields of an organization; its id only while it has none. */
export function OrganizationFields({ organization, operates = true }: FieldsProps) {
  return (
    <>
      {organization === null && (
        <Field name="id" label={text.administration.id} hint={text.administration.idHint} required />
      )}
      <Field name="name" label={text.administration.name} value={organization?.name} />
      {operates && (
        <ChoiceField
          name="plan"
          label={words.plan}
          hint={words.planHint}
          choices={plans.map((plan) => ({ value: plan, label: words.plans[plan] }))}
          value={organization?.plan ?? "enterprise"}
        />
      )}
      <ZoneField value={organization?.timezone ?? null} isNew={organization === null} />
      <Field
        name="retentionDays"
        type="number"
        min={31}
        max={36_500}
        label={words.retention}
        hint={words.retentionHint}
        value={organization?.retentionDays?.toString()}
        required={false}
      />
    </>
  );
}

/** How many days of usage are to be kept; null keeps everything. */
export function keptDays(values: FormData): number | null {
  const days = typed(values, "retentionDays");
  return days === null ? null : Number(days);
}

export function saveOrganization(id: string, values: FormData): Promise<unknown> {
  const organization: OrganizationEntry = {
    id,
    name: typed(values, "name"),
    plan: typed(values, "plan") as Plan | null,
    timezone: typed(values, "timezone"),
    retentionDays: keptDays(values),
  };
  return changeDirectory({ organizations: [organization] });
}
