import * as Dialog from "@radix-ui/react-dialog";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { fetchInvitations, invite, takeBackInvitation, type Invitation } from "../../api/account";
import type { Role } from "../../api/administration";
import { dayText } from "../../format/dates";
import { sortedBy } from "../../state/listView";
import { text } from "../../text";
import { dayAt, type Calendar } from "../../time/clock";
import { Failure } from "../../ui/Failure";
import { accountWords as words } from "../account/words";
import { roleName } from "../members/columns";
import { useCalendar } from "../window/WithCalendar";
import { EntryAction } from "./EntryActions";
import { AddButton, EntryName, EntryTable, type EntryColumn } from "./EntryTable";
import { Field, filled } from "./Field";
import { FormDialog, Overlay } from "./FormDialog";
import { ProjectAccess, RoleField } from "./RoleField";
import type { PartProps } from "./part";
import { useChange } from "./queries";
import { Secret } from "./Secret";

function invitationsQuery(organizationId: string) {
  return queryOptions({
    queryKey: ["invitations", organizationId],
    queryFn: ({ signal }) => fetchInvitations(organizationId, signal),
  });
}

/** Who was invited and has not come yet. */
export function Invitations(props: PartProps) {
  const { organization } = props;
  const calendar = useCalendar();
  const invitations = useQuery(invitationsQuery(organization.id));
  const [doing, setDoing] = useState<"add" | Invitation | null>(null);
  const takeBack = useChange(takeBackInvitation);
  const done = () => setDoing(null);
  if (invitations.error && !invitations.data) {
    return <Failure error={invitations.error} onRetry={() => void invitations.refetch()} />;
  }
  return (
    <>
      <p className="muted">{words.invitationsLead}</p>
      <EntryTable
        label={words.invitations}
        columns={columnsFor(calendar)}
        rows={invitations.data ? sortedBy(invitations.data, (one) => one.createdAt, true) : null}
        idOf={(one) => one.id}
        textsOf={(one) => [one.email, one.invitedBy, one.id]}
        search={words.searchInvitations}
        none={words.nobodyInvited}
        testId="invitations-table"
        add={<AddButton label={words.invite} onClick={() => setDoing("add")} />}
        actions={(one) => (
          <EntryAction
            icon="trash"
            label={words.takeBack}
            full={words.takeBackOf(one.email)}
            onClick={() => setDoing(one)}
            bad
            testId="take-back"
          />
        )}
      />
      {doing === "add" && <NewInvitation {...props} onClose={done} />}
      {doing !== null && doing !== "add" && (
        <FormDialog
          title={words.takeBackTitle}
          lead={words.takeBackLead(doing.email)}
          submit={words.takeBack}
          danger
          onClose={done}
          onSubmit={async () => {
            await takeBack.mutateAsync(doing.id);
            done();
          }}
        />
      )}
    </>
  );
}

function columnsFor(calendar: Calendar): EntryColumn<Invitation>[] {
  const day = (at: string) => <span className="muted">{dayText(dayAt(at, calendar))}</span>;
  return [
    {
      name: "email",
      label: words.address,
      cell: (one) => <EntryName name={one.email} second={words.by(one.invitedBy)} small={roleName(one.role)} />,
    },
    { name: "role", label: text.members.role, wideOnly: true, cell: (one) => <span className="muted">{roleName(one.role)}</span> },
    { name: "status", label: words.status, cell: (one) => words.statuses[one.status] },
    { name: "created", label: words.invited, wideOnly: true, cell: (one) => day(one.createdAt) },
    { name: "expires", label: words.ends, wideOnly: true, cell: (one) => day(one.expiresAt) },
  ];
}

function NewInvitation({ organization, directory, onClose }: PartProps & { onClose: () => void }) {
  const [role, setRole] = useState<Role>("developer");
  const create = useChange(invite);
  if (create.data) {
    const { url, warning } = create.data;
    const to = create.variables.email;
    return (
      <Overlay title={url ? words.shownTitle : words.sentTitle} lead={url ? words.shownLead(to) : words.sentLead(to)} onClose={onClose}>
        <div className="form">
          {warning && <p className="form-fault">{warning}</p>}
          {url && <Secret label={words.link} value={url} testId="invitation-link" />}
          <div className="dialog-actions">
            <Dialog.Close className="button button-primary" data-testid="secret-done">
              {text.administration.done}
            </Dialog.Close>
          </div>
        </div>
      </Overlay>
    );
  }
  return (
    <FormDialog
      title={words.inviteTitle}
      submit={words.invite}
      onClose={onClose}
      onSubmit={(values) =>
        create.mutateAsync({
          organizationId: organization.id,
          email: filled(values, "email"),
          role,
          projectIds: role === "developer" && values.get("access") === "some" ? (values.getAll("projectId") as string[]) : null,
          days: Number(filled(values, "days")),
        })
      }
    >
      <Field name="email" type="email" label={words.address} required />
      <RoleField value={role} onChange={setRole} />
      {role === "developer" && <ProjectAccess directory={directory} chosen={null} />}
      <Field name="days" type="number" label={words.days} value="7" min={1} max={30} required />
    </FormDialog>
  );
}
