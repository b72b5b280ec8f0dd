import { useMemo, useState } from "react";
import { changeDirectory, type Directory } from "../../api/administration";
import type { Assignment } from "../../api/teams";
import type { Organization } from "../../api/types";
import { dayText } from "../../format/dates";
import { sortedBy } from "../../state/listView";
import { text } from "../../text";
import type { Day } from "../../time/day";
import { Icon } from "../../ui/Icon";
import { EntryActions } from "../administration/EntryActions";
import { AddButton, EntryName, EntryTable, type EntryColumn } from "../administration/EntryTable";
import { useChange } from "../administration/queries";
import { AssignmentForm } from "./AssignmentForm";
import { courseId, coursesOf, holding, type Course } from "./courses";
import { HistoryDialog } from "./HistoryDialog";
import { ImportForm } from "./ImportForm";
import { MovesDialog } from "./Moves";
import { subjectName, targetName } from "./names";

const words = text.teams.assignments;

type Doing =
  | { kind: "assign"; of: Course | null }
  | { kind: "history"; of: Course }
  | { kind: "import" };

interface Props {
  organization: Organization;
  directory: Directory;
  zone: string;
  today: Day;
}

/** What is assigned to whom, with what was before. Every change is seen before it is saved. */
export function Assignments({ organization, directory, zone, today }: Props) {
  const [doing, setDoing] = useState<Doing | null>(null);
  const [draft, setDraft] = useState<Partial<Directory> | null>(null);
  const done = () => setDoing(null);
  const change = useChange(changeDirectory);
  const rows = useMemo(
    () => sortedBy(coursesOf(directory.assignments), ({ subject }) => subjectName(directory, subject), false),
    [directory],
  );
  const columns = useMemo(() => columnsFor(directory, today), [directory, today]);
  const takeOut = (said: Assignment) => setDraft({ assignments: [{ ...said, status: "deleted" }] });
  return (
    <>
      <EntryTable
        label={words.title}
        columns={columns}
        rows={rows}
        idOf={courseId}
        textsOf={(row) => [
          subjectName(directory, row.subject),
          row.subject.id,
          ...row.said.map((said) => targetName(directory, said)),
        ]}
        search={words.search}
        none={words.none}
        testId="assignments-table"
        add={
          <>
            <button type="button" className="button" onClick={() => setDoing({ kind: "import" })} data-testid="import">
              <Icon name="inbox" />
              {text.teams.import.open}
            </button>
            <AddButton label={words.add} onClick={() => setDoing({ kind: "assign", of: null })} />
          </>
        }
        actions={(row) => (
          <EntryActions
            name={subjectName(directory, row.subject)}
            onEdit={() => setDoing({ kind: "assign", of: row })}
            other={{
              icon: "scroll",
              label: words.history,
              labelOf: words.historyOf,
              onClick: () => setDoing({ kind: "history", of: row }),
              testId: "history-open",
            }}
          />
        )}
      />
      {doing?.kind === "assign" && (
        <AssignmentForm
          organizationId={organization.id}
          directory={directory}
          of={doing.of?.subject ?? null}
          what={doing.of?.what ?? "team"}
          today={today}
          onClose={done}
          onShow={(assignment) => setDraft({ assignments: [assignment] })}
        />
      )}
      {doing?.kind === "history" && (
        <HistoryDialog directory={directory} course={doing.of} today={today} onClose={done} onTakeOut={takeOut} />
      )}
      {doing?.kind === "import" && <ImportForm organizationId={organization.id} onClose={done} onShow={setDraft} />}
      {draft && (
        <MovesDialog
          organizationId={organization.id}
          change={draft}
          zone={zone}
          today={today}
          about={doing?.kind === "import" ? text.teams.import.found(draft.assignments?.length ?? 0, draft.teams?.length ?? 0) : undefined}
          onClose={() => setDraft(null)}
          onSave={async () => {
            await change.mutateAsync(draft);
            setDraft(null);
            done();
          }}
        />
      )}
    </>
  );
}

function columnsFor(directory: Directory, today: Day): EntryColumn<Course>[] {
  const now = (row: Course) => {
    const holds = holding(row, today);
    return holds && { name: targetName(directory, holds), since: words.since(dayText(holds.from)) };
  };
  return [
    {
      name: "subject",
      label: words.subject,
      cell: (row) => (
        <EntryName
          name={subjectName(directory, row.subject)}
          second={`${text.teams.kinds[row.subject.kind]} · ${row.subject.id}`}
          small={now(row)?.name ?? words.nothing}
        />
      ),
    },
    {
      name: "to",
      label: words.to,
      wideOnly: true,
      cell: (row) => <span className="muted">{row.what === "team" ? words.team : words.owner}</span>,
    },
    {
      name: "now",
      label: words.now,
      wideOnly: true,
      cell: (row) => <EntryName name={now(row)?.name ?? words.nothing} second={now(row)?.since ?? null} />,
    },
  ];
}
