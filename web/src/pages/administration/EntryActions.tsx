import { text } from "../../text";
import { Icon, type IconName } from "../../ui/Icon";

interface Props {
  name: string;
  onEdit: () => void;
  /** What else can be done: taking away, or bringing back. */
  other: Omit<ActionProps, "full"> & { labelOf: (name: string) => string };
}

export function EntryActions({ name, onEdit, other: { labelOf, ...action } }: Props) {
  return (
    <>
      <EntryAction
        icon="edit"
        label={text.administration.edit}
        full={text.administration.editOf(name)}
        onClick={onEdit}
        testId="edit"
      />
      <EntryAction {...action} full={labelOf(name)} />
    </>
  );
}

interface ActionProps {
  icon: IconName;
  label: string;
  /** What it does to which entry, for whoever cannot see the row. */
  full: string;
  onClick: () => void;
  bad?: boolean;
  testId: string;
}

/** A word where there is room for it, a picture on phones. */
export function EntryAction({ icon, label, full, onClick, bad = false, testId }: ActionProps) {
  return (
    <button
      type="button"
      className={`button button-quiet entry-action${bad ? " entry-action-bad" : ""}`}
      onClick={onClick}
      aria-label={full}
      data-testid={testId}
    >
      <span className="small-only">
        <Icon name={icon} size={18} />
      </span>
      <span className="large-only">{label}</span>
    </button>
  );
}

/** Deleting asks first; restoring harms nothing. */
export function deleteOrRestore(deleted: boolean, onDelete: () => void, onRestore: () => void): Props["other"] {
  const words = text.administration;
  return deleted
    ? { icon: "undo", label: words.restore, labelOf: words.restoreOf, onClick: onRestore, bad: false, testId: "restore" }
    : { icon: "trash", label: words.delete, labelOf: words.deleteOf, onClick: onDelete, bad: true, testId: "delete" };
}
