import { useEffect, useState } from "react";

const MOMENT_MS = 160;

/**
 * Whether a former answer, which stands in for the next one, is to be dimmed: quick ones come before anyone could see it,
 * and even a transition that has not begun yet costs the browser layers of its own for all that is in it.
 */
export function useDimmed(former: boolean): boolean {
  const [dimmed, setDimmed] = useState(false);
  useEffect(() => {
    if (!former) return;
    const timer = setTimeout(() => setDimmed(true), MOMENT_MS);
    return () => {
      clearTimeout(timer);
      setDimmed(false);
    };
  }, [former]);
  return former && dimmed;
}
