import { Suspense, useEffect, useState, type ReactNode } from "react";
import type { Me, Organization } from "../../api/types";
import { WithCalendar } from "../window/WithCalendar";
import { Boundary } from "../../ui/Boundary";
import { ahead, lazily } from "../../ui/lazily";

const loadPalette = () => import("./Palette");
const Palette = lazily(loadPalette);

export const prepareToSearch = () => ahead(loadPalette);

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
    <Boundary small>
      <Suspense fallback={null}>
        <WithCalendar otherwise={null}>
          <Palette me={me} organization={organization} onClose={() => setOpen(false)} />
        </WithCalendar>
      </Suspense>
    </Boundary>
  );
  return [() => setOpen(true), dialog];
}
