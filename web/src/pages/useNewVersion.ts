import { useEffect, useRef } from "react";
import { useLocation } from "wouter";
import { isOutdated } from "../api/connection";

/** After the server has been replaced by another version, whoever moves on to another page gets it from that one. */
export function useNewVersion(): void {
  const [path] = useLocation();
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    // The address is that of the new page already.
    if (isOutdated()) location.reload();
  }, [path]);
}
