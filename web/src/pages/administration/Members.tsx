import { useMemo, useState } from "react";
import { endMembership, type Directory, type MemberEntry } from "../../api/administration";
import { text } from "../../text";
import { roleName } from "../members/columns";
import { EntryActions } from "./EntryActions";
import { AddButton, EntryName, EntryTable, type EntryColumn } from "./EntryTable";
import { FormDialog } from "./FormDialog";
import { MemberForm, saveMember } from "./MemberForm";
import { accessText, inOrder, nameOf, userName, userOf } from "./names";
import type { PartProps } from "./part";
import { useChange } from "./queries";

const words = text.administration.member;

type Doing = { kind: "add" } | { kind: "edit" | "end"; member: MemberEntry };

export function Members({ organization, directory }: PartProps) {
  const [doing, setDoing] = useState<Doing | null>(null);
  const done = () => setDoing(null);
  const save = useChange(saveMember);
  const end = useChange((userId: string) => endMembership(organization.id, userId));
  const name = (member: MemberEntry) => userName(userOf(directory, member.userId));
  const rows = useMemo(
    () => inOrder(directory.members, (member) => userName(userOf(directory, member.userId))),
    [directory],
  );
  const columns = useMemo(() => columnsFor(directory), [directory]);
  return (
    <>
      <EntryTable
        label={text.administration.organization.members}
        columns={columns}
        rows={rows}
        idOf={(row) => row.userId}
        textsOf={(row) => [name(row), userOf(directory, row.userId).email, row.userId, roleName(row.role)]}
        search={words.search}
        none={words.none}
        testId="members-table"
        add={<AddButton label={words.add} onClick={() => setDoing({ kind: "add" })} />}
        actions={(member) => (
          <EntryActions
            name={name(member)}
            onEdit={() => setDoing({ kind: "edit", member })}
            other={
              member.status === "former"
                ? {
                    icon: "undo",
                    label: words.bringBack,
                    labelOf: words.bringBackOf,
                    onClick: () =>
                      save.mutate({
                        user: { id: member.userId },
                        member: { organizationId: organization.id, userId: member.userId, role: member.role },
                      }),
                    bad: false,
                    testId: "bring-back",
                  }
                : {
                    icon: "signOut",
                    label: words.end,
                    labelOf: words.endOf,
                    onClick: () => setDoing({ kind: "end", member }),
                    bad: true,
                    testId: "end",
                  }
            }
          />
        )}
      />
      {(doing?.kind === "add" || doing?.kind === "edit") && (
        <MemberForm
          organizationId={organization.id}
          directory={directory}
          member={doing.kind === "edit" ? doing.member : null}
          onClose={done}
          onSave={async (change) => {
            await save.mutateAsync(change);
            done();
          }}
        />
      )}
      {doing?.kind === "end" && (
        <FormDialog
          title={words.endTitle(name(doing.member))}
          lead={words.endLead(nameOf(organization))}
          submit={words.end}
          danger
          onClose={done}
          onSubmit={async () => {
            await end.mutateAsync(doing.member.userId);
            done();
          }}
        />
      )}
    </>
  );
}

function columnsFor(directory: Directory): EntryColumn<MemberEntry>[] {
  return [
    {
      name: "name",
      label: words.person,
      cell: (row) => {
        const user = userOf(directory, row.userId);
        const second = [userName(user) === user.email ? null : user.email, row.userId].filter(Boolean).join(" · ");
        return (
          <EntryName
            name={userName(user)}
            second={second}
            small={roleName(row.role)}
            tag={row.status === "former" ? "former" : null}
          />
        );
      },
    },
    {
      name: "role",
      label: text.members.role,
      wideOnly: true,
      cell: (row) => <span className="muted">{roleName(row.role)}</span>,
    },
    {
      name: "access",
      label: words.access,
      wideOnly: true,
      cell: (row) => <span className="muted">{accessText(row)}</span>,
    },
  ];
}
