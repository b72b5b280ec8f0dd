import type { Look } from "../state/colours";
import { colourVariable } from "./look";

/** What something looks like in the chart, beside its name. */
export function Swatch({ look }: { look: Look }) {
  return (
    <span className="swatch" style={{ "--colour": colourVariable(look) } as object} data-slot={look.slot ?? "none"} data-pattern={look.pattern} />
  );
}
