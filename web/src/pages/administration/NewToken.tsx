import * as Dialog from "@radix-ui/react-dialog";
import { useState } from "react";
import { createToken, type Directory, type TokenKind, type User } from "../../api/administration";
import { text } from "../../text";
import { offsetNow, type Calendar } from "../../time/clock";
import { useCalendar } from "../window/WithCalendar";
import { ChoiceField, Field, typed } from "./Field";
import { FormDialog, Overlay } from "./FormDialog";
import { inOrder, nameOf, userName } from "./names";
import { useChange } from "./queries";
import { Secret } from "./Secret";

const words = text.administration.token;
const allKinds = ["ingest", "user", "scim", "operator"] as const;
/** For one organization first of all its people's sign-in links. */
const kindsOfOne = ["user", "ingest", "scim"] as const;

interface Props {
  directory: Directory;
  /** The one organization that it is to be for; null leaves that to be chosen. */
  organizationId: string | null;
  onClose: () => void;
}

export function NewToken({ directory, organizationId, onClose }: Props) {
  const kinds = organizationId === null ? allKinds : kindsOfOne;
  const [kind, setKind] = useState<TokenKind>(kinds[0]);
  const create = useChange(createToken);
  const calendar = useCalendar();
  if (create.data) {
    const { token, warning } = create.data;
    return <Created secret={token} warning={warning} signsIn={create.variables.kind === "user"} onClose={onClose} />;
  }

  const organizations = inOrder(directory.organizations, nameOf).map((one) => ({ value: one.id, label: nameOf(one) }));
  const belongs = ({ id }: User) => directory.members.some(({ userId, status }) => userId === id && status !== "former");
  const people = inOrder(
    directory.users.filter((user) => organizationId === null || belongs(user)).map((user) => ({ ...user, status: null })),
    userName,
  ).map((user) => ({ value: user.id, label: userName(user) }));
  const isForOne = kind === "ingest" || kind === "scim";
  const missing =
    isForOne && organizations.length === 0
      ? words.needsOrganization
      : kind === "user" && people.length === 0
        ? words.needsUser
        : null;

  return (
    <FormDialog
      title={words.add}
      submit={words.add}
      blocked={missing !== null}
      onClose={onClose}
      onSubmit={(values) =>
        create.mutateAsync({
          kind,
          organizationId: organizationId ?? typed(values, "organizationId"),
          userId: typed(values, "userId"),
          projectId: typed(values, "projectId"),
          apiKeyId: typed(values, "apiKeyId"),
          expiresAt: startOf(typed(values, "expiresAt"), calendar),
          label: typed(values, "label") ?? "",
        })
      }
    >
      <ChoiceField
        name="kind"
        label={words.kind}
        hint={organizationId !== null && kind === "user" ? words.memberHint : words.kindHints[kind]}
        choices={kinds.map((one) => ({ value: one, label: words.kinds[one] }))}
        value={kind}
        onChange={setKind}
      />
      {missing && <p className="muted">{missing}</p>}
      {isForOne && organizationId === null && organizations[0] && (
        <ChoiceField
          name="organizationId"
          label={text.administration.organization.one}
          choices={organizations}
          value={organizations[0].value}
        />
      )}
      {kind === "user" && people[0] && (
        <ChoiceField name="userId" label={words.user} choices={people} value={people[0].value} />
      )}
      <Field name="label" label={words.label} hint={words.labelHint} />
      {kind === "ingest" && <Field name="projectId" label={words.project} hint={words.projectHint} />}
      {kind === "ingest" && <Field name="apiKeyId" label={words.apiKey} hint={words.projectHint} />}
      <Field name="expiresAt" label={words.expires} hint={words.expiresHint} type="date" />
    </FormDialog>
  );
}

/** When a day begins. The zone's offset of today will do: it is a date on which somebody is to look again. */
function startOf(day: string | null, calendar: Calendar): string | null {
  return day && `${day}T00:00:00${offsetNow(calendar)}`;
}

interface CreatedProps {
  secret: string;
  warning?: string | null;
  signsIn: boolean;
  onClose: () => void;
}

/** The only time that the secret is on a screen: closing this forgets it. */
function Created({ secret, warning, signsIn, onClose }: CreatedProps) {
  return (
    <Overlay title={words.createdTitle} lead={words.once} onClose={onClose}>
      <div className="form">
        {warning && <p role="alert">{warning}</p>}
        <Secret label={words.secret} value={secret} testId="secret" />
        {signsIn && (
          <Secret
            label={words.link}
            hint={words.linkHint}
            value={`${location.origin}/#token=${secret}`}
            testId="secret-link"
          />
        )}
        <div className="dialog-actions">
          <Dialog.Close className="button button-primary" data-testid="secret-done">
            {text.administration.done}
          </Dialog.Close>
        </div>
      </div>
    </Overlay>
  );
}
