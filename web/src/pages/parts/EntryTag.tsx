import { text } from "../../text";

/** History stays: what was deleted and who left keep their usage and say so. */
export function EntryTag({ note }: { note: "deleted" | "former" | null }) {
  return note && <span className="tag">{text.ranking[note]}</span>;
}
