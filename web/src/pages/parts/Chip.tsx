import { text } from "../../text";
import { Icon } from "../../ui/Icon";

interface Props {
  kind: string;
  label: string;
  onRemove: () => void;
}

/** Something the page is narrowed to; a click lifts it. */
export function Chip({ kind, label, onRemove }: Props) {
  return (
    <button
      type="button"
      className="chip"
      title={text.filters.remove(kind, label)}
      onClick={onRemove}
      data-testid="chip"
    >
      <span className="visually-hidden">{text.filters.removeLead}</span>
      <span className="muted">{kind}</span>
      <span className="truncate">{label}</span>
      <Icon name="close" size={12} />
    </button>
  );
}
