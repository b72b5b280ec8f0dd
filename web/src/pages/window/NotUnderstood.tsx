import { Link, useLocation } from "wouter";
import type { LinkFault } from "../../state/timeWindow";
import { searchText } from "../../state/timeWindow";
import { text } from "../../text";
import { Notice } from "../../ui/Notice";
import { useRawSearch } from "../useRawSearch";

type Props = LinkFault | { name: "tz"; value: string; why: "unknown" };

/** Which part of a link was not understood, instead of figures that nobody asked for. */
export function NotUnderstood({ name, value, why }: Props) {
  const [path] = useLocation();
  const params = new URLSearchParams(useRawSearch());
  for (const part of name === "tz" ? ["tz"] : ["range", "from", "to"]) params.delete(part);
  const rest = searchText(params);
  return (
    <Notice
      icon="calendar"
      title={text.linkFault.title}
      tone="bad"
      actions={
        <Link href={rest ? `${path}?${rest}` : path} className="button">
          {name === "tz" ? text.linkFault.ownZone : text.errors.reset}
        </Link>
      }
    >
      <p data-testid="link-fault">
        <code>{value === "" ? name : `${name}=${value}`}</code> {text.linkFault.why[name === "tz" ? "zone" : why]}
      </p>
    </Notice>
  );
}
