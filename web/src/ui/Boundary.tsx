import { Component, useEffect, type ReactNode } from "react";
import { answers } from "../api/connection";
import { text } from "../text";
import { NotLoaded } from "./lazily";
import { Notice } from "./Notice";

interface Props {
  /** Beside the page: it says in a line what is missing. */
  small?: boolean;
  children: ReactNode;
}

/** What fails within says so in its place, and the rest of the page stays. */
export class Boundary extends Component<Props, { fault: unknown }> {
  override state: { fault: unknown } = { fault: null };

  static getDerivedStateFromError(fault: unknown) {
    return { fault };
  }

  override render() {
    const { fault } = this.state;
    if (fault === null) return this.props.children;
    const missing = fault instanceof NotLoaded;
    const words = missing ? text.boundary.missing : text.boundary.broken;
    return (
      <>
        {missing && <Recovery />}
        {this.props.small ? (
          <p className="not-loaded" role="alert" data-testid="not-loaded">
            {words}
          </p>
        ) : (
          <Notice
            icon="alert"
            tone="bad"
            title={missing ? text.boundary.missingTitle : text.boundary.brokenTitle}
            actions={
              <button type="button" className="button" onClick={() => location.reload()}>
                {text.boundary.reload}
              </button>
            }
          >
            <p>{words}</p>
          </Notice>
        )}
      </>
    );
  }
}

const ASK_EVERY_MS = 2000;
/** Between two reloads that nobody asked for: a file that stays away must not keep the page from being read. */
const RELOAD_EVERY_MS = 15_000;
const RELOADED_AT = "rollcall.reloaded";

/** In milliseconds, also from one load of the page to the next. */
const now = () => performance.timeOrigin + performance.now();

/** Loads the page anew once the server is back. Its address has everything that is on it. */
function Recovery() {
  useEffect(() => {
    let gone = false;
    const ask = async () => {
      const reloaded = Number(sessionStorage.getItem(RELOADED_AT) ?? 0);
      if (now() - reloaded < RELOAD_EVERY_MS || !(await answers()) || gone) return;
      sessionStorage.setItem(RELOADED_AT, String(now()));
      location.reload();
    };
    void ask();
    const timer = setInterval(() => void ask(), ASK_EVERY_MS);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, []);
  return null;
}
