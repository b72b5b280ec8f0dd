import { useEffect, useRef } from "react";
import { useLocation } from "wouter";

/** A page that was followed to begins at its top; one gone back to is where it was left. */
export function useFreshPage(): void {
  const [path] = useLocation();
  const shown = useRef(path);
  const back = useRef(false);

  useEffect(() => {
    const note = () => (back.current = true);
    addEventListener("popstate", note);
    return () => removeEventListener("popstate", note);
  }, []);

  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    if (!back.current) {
      scrollTo(0, 0);
      // Readers of screens are told where they are, and the next Tab begins in the page.
      document.getElementById("content")?.focus({ preventScroll: true });
    }
    back.current = false;
  }, [path]);
}
