import { Suspense, useEffect, useRef, useState, type ReactNode } from "react";
import type { Me, Organization } from "../../api/types";
import { text } from "../../text";
import { Icon } from "../../ui/Icon";
import { SearchButton } from "../palette/SearchButton";
import { usePalette } from "../palette/usePalette";
import { Logo } from "./Logo";
import { loadAhead, type PageName } from "../pages";
import { Navigation } from "./Navigation";
import "./shell.css";
import { Boundary } from "../../ui/Boundary";
import { lazily } from "../../ui/lazily";

/** Phones alone have a drawer, so it comes when its button is pressed. */
const Drawer = lazily(() => import("./Drawer"));

interface Props {
  /** Null where somebody reads without being signed in. */
  me: Me | null;
  organization: Organization | null;
  page: PageName | null;
  children: ReactNode;
}

export function Shell({ me, organization, page, children }: Props) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const [search, palette] = usePalette(me, organization);
  const navigation = { me, organization, page };
  // While the server says what day it is, the page's own code can be on its way.
  useEffect(() => {
    if (page) loadAhead(page);
  }, [page]);
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {text.skipToContent}
      </a>
      <aside className="sidebar" aria-label={text.navigation.label}>
        <Navigation {...navigation} onSearch={search} />
      </aside>
      <header className="topbar">
        <button
          ref={button}
          type="button"
          className="button button-quiet button-icon"
          aria-label={text.navigation.open}
          aria-haspopup="dialog"
          aria-expanded={open}
          onClick={() => setOpen(true)}
        >
          <Icon name="menu" size={20} />
        </button>
        {open && (
          <Boundary small>
            <Suspense fallback={null}>
              <Drawer button={button} onClose={() => setOpen(false)}>
                <Navigation {...navigation} onLeave={() => setOpen(false)} />
              </Drawer>
            </Suspense>
          </Boundary>
        )}
        <Logo size={24} />
        <span className="truncate topbar-name">{organization?.name ?? text.product}</span>
        {me && organization && <SearchButton small onSearch={search} />}
      </header>
      <main className="content" id="content" tabIndex={-1}>
        {/* Why their groups give them nothing, in the server's words. */}
        {me?.notice && <p data-testid="sign-in-notice">{me.notice}</p>}
        {children}
      </main>
      {palette}
    </div>
  );
}
