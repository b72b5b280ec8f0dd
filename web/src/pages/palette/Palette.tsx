import * as Dialog from "@radix-ui/react-dialog";
import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { useLocation } from "wouter";
import type { Me, Organization } from "../../api/types";
import { find } from "../../state/find";
import { text } from "../../text";
import { Icon } from "../../ui/Icon";
import { useDestinations, type Destination, type Kind } from "./destinations";
import "./palette.css";

interface Props {
  me: Me;
  organization: Organization;
  onClose: () => void;
}

/** Shown before anything is typed; the others are too many to be read. */
const offered: readonly Kind[] = ["views", "pages", "ranges"];
const kinds: readonly Kind[] = [...offered, "projects", "members", "models", "keys", "organizations"];

const MOST_OF_A_KIND = 6;

export default function Palette({ me, organization, onClose }: Props) {
  const [query, setQuery] = useState("");
  /** The option that Enter takes; the first one where it is not, or no longer, among those shown. */
  const [chosen, setChosen] = useState<string | null>(null);
  const [, navigate] = useLocation();
  const list = useRef<HTMLDivElement>(null);
  const opener = useRef(document.activeElement);
  const left = useRef(false);
  const id = useId();
  const { all, pending } = useDestinations(me, organization, query);

  const groups = (query.trim() === "" ? offered : kinds)
    .map((kind) => ({ kind, found: find(all[kind], query, MOST_OF_A_KIND) }))
    .filter(({ found }) => found.length > 0);
  const options = groups.flatMap(({ kind, found }) => found.map((one) => ({ value: `${kind} ${one.id}`, one })));
  const at = Math.max(0, options.findIndex(({ value }) => value === chosen));
  const idOf = (value: string) => `${id}${options.findIndex((option) => option.value === value)}`;

  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [at, query]);

  const go = ({ path }: Destination) => {
    left.current = true;
    onClose();
    navigate(path);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    // While a word is still being composed, its keys are the input method's.
    if (event.nativeEvent.isComposing || options.length === 0) return;
    const option = options[at];
    if (event.key === "Enter" && option) go(option.one);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setChosen(options[(at + step + options.length) % options.length]?.value ?? null);
  };

  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        {/* The dialog's own overlay takes the page's scroll bar away, and everything would jump aside. */}
        <div className="scrim" aria-hidden="true" />
        <Dialog.Content
          className="palette"
          aria-describedby={undefined}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            // A page that was gone to takes the focus itself.
            if (!left.current && opener.current instanceof HTMLElement) opener.current.focus({ preventScroll: true });
          }}
          data-testid="palette"
        >
          <Dialog.Title className="visually-hidden">{text.palette.label}</Dialog.Title>
          <div className="command-input">
            <Icon name="search" size={18} />
            <input
              role="combobox"
              aria-label={text.palette.label}
              aria-autocomplete="list"
              aria-expanded={options.length > 0}
              aria-controls={`${id}list`}
              aria-activedescendant={options[at] && idOf(options[at].value)}
              autoComplete="off"
              autoCorrect="off"
              spellCheck={false}
              value={query}
              placeholder={text.palette.placeholder}
              onChange={(event) => {
                setQuery(event.target.value);
                setChosen(null);
              }}
              onKeyDown={onKeyDown}
              data-testid="palette-input"
            />
          </div>
          {/* A list box without options is none. */}
          <div
            ref={list}
            id={`${id}list`}
            className="command-list"
            {...(options.length > 0 && { role: "listbox", "aria-label": text.palette.label })}
          >
            {groups.map(({ kind, found }) => (
              <div key={kind} role="group" aria-labelledby={`${id}${kind}`}>
                <div id={`${id}${kind}`} className="palette-heading" role="presentation">
                  {text.palette.groups[kind]}
                </div>
                {found.map((one) => {
                  const value = `${kind} ${one.id}`;
                  return (
                    <div
                      key={value}
                      id={idOf(value)}
                      role="option"
                      aria-selected={options[at]?.value === value}
                      className="command-item"
                      data-selected={options[at]?.value === value}
                      onPointerMove={() => setChosen(value)}
                      onClick={() => go(one)}
                      data-testid={`palette-${kind}`}
                      data-key={one.id}
                    >
                      <Icon name={one.icon} />
                      <span className="truncate">{one.label}</span>
                      {one.detail && one.detail !== one.label && <span className="end truncate">{one.detail}</span>}
                    </div>
                  );
                })}
              </div>
            ))}
            {options.length === 0 && <p className="command-empty">{pending ? text.palette.loading : text.palette.none}</p>}
          </div>
          <p className="visually-hidden" role="status">
            {options.length > 0 ? text.palette.found(options.length) : pending ? text.palette.loading : text.palette.none}
          </p>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
