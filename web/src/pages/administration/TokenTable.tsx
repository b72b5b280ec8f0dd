import { useMemo, useState, type ReactNode } from "react";
import { revokeToken, type Directory, type Token } from "../../api/administration";
import { dayText, momentText } from "../../format/dates";
import { sortedBy } from "../../state/listView";
import { text } from "../../text";
import { dayAt, type Calendar } from "../../time/clock";
import { useCalendar } from "../window/WithCalendar";
import { EntryAction } from "./EntryActions";
import { AddButton, EntryName, EntryTable, type EntryColumn } from "./EntryTable";
import { FormDialog } from "./FormDialog";
import { keyName, nameOf, userName, userOf } from "./names";
import { NewToken } from "./NewToken";
import { useChange } from "./queries";

const words = text.administration.token;
/** Made from what the server was started with; see docs/operations.md. */
const FIRST_TOKEN = "operator";

const labelOf = (token: Token) => token.label || token.id;

interface Props {
  /** Undefined while they are on their way. */
  tokens: readonly Token[] | undefined;
  directory: Directory | undefined;
  /** The one organization that they are for; null is all of the server's. */
  organizationId: string | null;
  /** The one to show. */
  found?: string | null;
  tools?: ReactNode;
}

/** Tokens, which are made and revoked here. */
export function TokenTable({ tokens, directory, organizationId, found, tools }: Props) {
  const calendar = useCalendar();
  const [doing, setDoing] = useState<"add" | Token | null>(null);
  const done = () => setDoing(null);
  const revoke = useChange(revokeToken);
  const rows = useMemo(
    () => (tokens && directory ? sortedBy(tokens, (token) => token.createdAt, true) : null),
    [tokens, directory],
  );
  const columns = useMemo(() => columnsFor(tokens, directory, calendar), [tokens, directory, calendar]);
  return (
    <>
      <EntryTable
        label={text.administration.tokens}
        columns={columns}
        rows={rows}
        idOf={(row) => row.id}
        textsOf={(row) => [row.label, row.id, words.kinds[row.kind], subjectOf(directory, row), row.userId, row.organizationId]}
        found={found}
        search={words.search}
        none={words.none}
        testId="tokens-table"
        add={
          <>
            {tools}
            <AddButton label={words.add} onClick={() => setDoing("add")} />
          </>
        }
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
      {doing === "add" && directory && <NewToken directory={directory} organizationId={organizationId} onClose={done} />}
      {doing !== null && doing !== "add" && (
        <FormDialog
          title={words.revokeTitle(labelOf(doing))}
          lead={[
            `${words.revokeFacts(doing.id, subjectOf(directory, doing))}.`,
            words.revokeLead[doing.kind],
            doing.id === FIRST_TOKEN && words.revokeFirst,
          ]
            .filter(Boolean)
            .join(" ")}
          submit={words.revoke}
          danger
          onClose={done}
          onSubmit={async () => {
            await revoke.mutateAsync(doing.id);
            done();
          }}
        />
      )}
    </>
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

/** The project and the key that stand in where an event names none. */
function defaultsOf(directory: Directory | undefined, token: Token): string | null {
  const { organizationId, projectId, apiKeyId } = token;
  const isOne = (one: { organizationId?: string | null; id: string }, id: string) => one.organizationId === organizationId && one.id === id;
  const project = projectId && directory?.projects.find((one) => isOne(one, projectId));
  const key = apiKeyId && directory?.apiKeys.find((one) => isOne(one, apiKeyId));
  const defaults = [
    projectId && words.defaults(project ? nameOf(project) : projectId),
    apiKeyId && words.defaultKey(key ? keyName(key) : apiKeyId),
  ];
  return defaults.filter(Boolean).join(", ") || null;
}

/** Who made a token: the label of the token that it was made with. */
function makerOf(tokens: readonly Token[] | undefined, token: Token): string | null {
  if (!token.madeBy) return null;
  return words.madeBy(tokens?.find((one) => one.id === token.madeBy)?.label || token.madeBy);
}

function hasExpired(token: Token, calendar: Calendar): boolean {
  return Boolean(token.expiresAt) && Date.parse(token.expiresAt ?? "") <= Date.parse(calendar.now);
}

function columnsFor(tokens: readonly Token[] | undefined, directory: Directory | undefined, calendar: Calendar): EntryColumn<Token>[] {
  const moment = (at: string | null | undefined) => (
    <span className="muted" title={at ? momentText(at, calendar) : undefined}>
      {at ? dayText(dayAt(at, calendar)) : words.never}
    </span>
  );
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
      cell: (row) => <EntryName name={subjectOf(directory, row)} second={defaultsOf(directory, row)} />,
    },
    {
      name: "created",
      label: words.created,
      wideOnly: true,
      cell: (row) => <EntryName name={dayText(dayAt(row.createdAt, calendar))} second={makerOf(tokens, row)} />,
    },
    { name: "lastUsed", label: words.lastUsed, wideOnly: true, cell: (row) => moment(row.lastUsedAt) },
    {
      name: "expires",
      label: words.expires,
      wideOnly: true,
      cell: (row) => (hasExpired(row, calendar) ? <span className="tag">{words.expired}</span> : moment(row.expiresAt)),
    },
  ];
}
