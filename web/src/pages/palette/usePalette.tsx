import { lazy, Suspense, useEffect, useState, type ReactNode } from "react";
import type { Me, Organization } from "../../api/types";
import { WithCalendar } from "../window/WithCalendar";

const loadPalette = () => import("./Palette");
const Palette = lazy(loadPalette);

export const prepareToSearch = () => void loadPalette();

/** What opens the palette, and the palette once it is open; Ctrl-K and ⌘K close it again. */
export function usePalette(me: Me | null, organization: Organization | null): [() => void, ReactNode] {
  const [open, setOpen] = useState(false);
  const usable = me !== null && organization !== null;

  useEffect(() => {
    if (!usable) return;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.metaKey || event.ctrlKey) || event.shiftKey || event.altKey) return;
      event.preventDefault();
      setOpen((before) => !before);
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [usable]);

  const dialog = usable && open && (
    <Suspense fallback={null}>
      <WithCalendar otherwise={null}>
        <Palette me={me} organization={organization} onClose={() => setOpen(false)} />
      </WithCalendar>
    </Suspense>
  );
  return [() => setOpen(true), dialog];
}
