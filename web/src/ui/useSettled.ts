import { useEffect, useState } from "react";

const MOMENT_MS = 200;

/**
 * Whether this has been shown for a moment. What is asked beside it waits for that: who goes from pivot to pivot then
 * waits for the pivots alone.
 */
export function useSettled<Shown>(shown: Shown | null): boolean {
  const [settled, setSettled] = useState<Shown | null>(null);
  useEffect(() => {
    if (shown === null) return;
    const timer = setTimeout(() => setSettled(shown), MOMENT_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  return shown !== null && settled === shown;
}
