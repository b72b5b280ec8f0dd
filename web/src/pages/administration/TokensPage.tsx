import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { revokeToken, type Directory, type Token } from "../../api/administration";
import { dayText, momentText } from "../../format/dates";
import { sortedBy } from "../../state/listView";
import { text } from "../../text";
import { dayAt, type Calendar } from "../../time/clock";
import { Failure } from "../../ui/Failure";
import { useCalendar } from "../window/WithCalendar";
import { AdministrationHeader } from "./AdministrationHeader";
import { EntryAction } from "./EntryActions";
import { AddButton, EntryName, EntryTable, type EntryColumn } from "./EntryTable";
import { FormDialog } from "./FormDialog";
import { nameOf, userName, userOf } from "./names";
import { NewToken } from "./NewToken";
import { directoryQuery, tokensQuery, useChange } from "./queries";

const words = text.administration.token;
/** Made from what the server was started with; see docs/operations.md. */
const FIRST_TOKEN = "operator";

const labelOf = (token: Token) => token.label || token.id;

export default function TokensPage() {
  const tokens = useQuery(tokensQuery);
  const directory = useQuery(directoryQuery(null));
  const calendar = useCalendar();
  const [doing, setDoing] = useState<"add" | Token | null>(null);
  const revoke = useChange(revokeToken);
  const rows = useMemo(
    () => (tokens.data && directory.data ? sortedBy(tokens.data, (token) => token.createdAt, true) : null),
    [tokens.data, directory.data],
  );
  const columns = useMemo(() => columnsFor(directory.data, calendar), [directory.data, calendar]);
  const failed = [tokens, directory].find((query) => query.error && !query.data);
  return (
    <div className="page" data-testid="tokens" data-busy={rows === null && !failed}>
      <AdministrationHeader title={text.administration.tokens} lead={words.lead} />
      {failed ? (
        <Failure error={failed.error} onRetry={() => void failed.refetch()} />
      ) : (
        <EntryTable
          label={text.administration.tokens}
          columns={columns}
          rows={rows}
          idOf={(row) => row.id}
          textsOf={(row) => [row.label, row.id, words.kinds[row.kind], subjectOf(directory.data, row)]}
          search={words.search}
          none={text.lists.none}
          testId="tokens-table"
          add={<AddButton label={words.add} onClick={() => setDoing("add")} />}
          actions={(token) => (
            <EntryAction
              icon="trash"
              label={words.revoke}
              full={words.revokeOf(labelOf(token))}
              onClick={() => setDoing(token)}
              bad
              testId="revoke"
            />
          )}
        />
      )}
      {doing === "add" && directory.data && <NewToken directory={directory.data} onClose={() => setDoing(null)} />}
      {doing !== null && doing !== "add" && (
        <FormDialog
          title={words.revokeTitle(labelOf(doing))}
          lead={[words.revokeLead[doing.kind], doing.id === FIRST_TOKEN && words.revokeFirst].filter(Boolean).join(" ")}
          submit={words.revoke}
          danger
          onClose={() => setDoing(null)}
          onSubmit={async () => {
            await revoke.mutateAsync(doing.id);
            setDoing(null);
          }}
        />
      )}
    </div>
  );
}

/** Whose or what the token is for, by name. */
function subjectOf(directory: Directory | undefined, token: Token): string {
  if (!directory) return "";
  if (token.kind === "operator") return words.everything;
  if (token.userId) return userName(userOf(directory, token.userId));
  const organization = directory.organizations.find((one) => one.id === token.organizationId);
  return organization ? nameOf(organization) : (token.organizationId ?? "");
}

/** The project that stands in where an event names none. */
function defaultProject(directory: Directory | undefined, token: Token): string | null {
  if (!token.projectId) return null;
  const project = directory?.projects.find((one) => one.organizationId === token.organizationId && one.id === token.projectId);
  return words.defaults(project ? nameOf(project) : token.projectId);
}

function columnsFor(directory: Directory | undefined, calendar: Calendar): EntryColumn<Token>[] {
  return [
    {
      name: "label",
      label: text.administration.token.label,
      cell: (row) => (
        <EntryName
          name={row.label || words.noLabel}
          second={row.id}
          small={`${words.kinds[row.kind]} · ${subjectOf(directory, row)}`}
        />
      ),
    },
    { name: "kind", label: words.kind, wideOnly: true, cell: (row) => <span className="tag">{words.kinds[row.kind]}</span> },
    {
      name: "for",
      label: words.for,
      wideOnly: true,
      cell: (row) => <EntryName name={subjectOf(directory, row)} second={defaultProject(directory, row)} />,
    },
    {
      name: "created",
      label: words.created,
      wideOnly: true,
      cell: (row) => (
        <span className="muted" title={momentText(row.createdAt, calendar)}>
          {dayText(dayAt(row.createdAt, calendar))}
        </span>
      ),
    },
  ];
}
