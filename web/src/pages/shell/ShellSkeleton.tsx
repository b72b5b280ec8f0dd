import { text } from "../../text";
import "./shell.css";

/** The frame alone: nothing is known yet about who is looking, so nothing is promised. */
export function ShellSkeleton() {
  return (
    <div className="shell">
      <div className="sidebar" />
      <main className="content" aria-busy="true">
        <span className="visually-hidden" role="status">
          {text.analytics.loading}
        </span>
      </main>
    </div>
  );
}
