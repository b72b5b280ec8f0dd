import { useState, type FormEvent } from "react";
import { Link, useLocation } from "wouter";
import { text } from "../../text";
import { Copy } from "../../ui/Copy";
import { Icon } from "../../ui/Icon";
import { useRawSearch } from "../useRawSearch";
import { KeptViews } from "./KeptViews";
import { useSavedViews } from "./useSavedViews";
import "./views.css";

interface Props {
  organizationId: string;
  organizationName: string;
  onDone: () => void;
}

export default function ViewsPanel({ organizationId, organizationName, onDone }: Props) {
  const { views, change, error } = useSavedViews(organizationId);
  const [path] = useLocation();
  const search = useRawSearch();
  const here = search ? `${path}?${search}` : path;
  const [renaming, setRenaming] = useState<string | null>(null);

  return (
    <div className="views-panel">
      <Copy className="menu-item" icon="link" label={text.views.copyLink} what={() => location.href} testId="copy-link" />
      <h2 className="views-title">{text.views.title(organizationName)}</h2>
      {views?.length === 0 && <p className="muted views-none">{text.views.none}</p>}
      <ul className="views-list">
        {views?.map((view) => (
          <li key={view.id} data-testid="view">
            {renaming === view.id ? (
              <NameForm
                label={text.views.newName}
                start={view.name}
                onDone={(name) => {
                  setRenaming(null);
                  if (name !== view.name) change({ rename: view, name });
                }}
              />
            ) : (
              <>
                <Link
                  href={view.path}
                  className="menu-item"
                  aria-current={view.path === here ? "page" : undefined}
                  title={view.createdByName ? text.views.by(view.createdByName) : undefined}
                  onClick={onDone}
                  data-testid="view-link"
                >
                  <span className="truncate">{view.name}</span>
                  {view.path === here && <Icon name="check" />}
                </Link>
                {view.mayChange && (
                  <>
                    <ViewButton
                      icon="edit"
                      label={text.views.rename(view.name)}
                      onClick={() => setRenaming(view.id)}
                      testId="view-rename"
                    />
                    <ViewButton
                      icon="trash"
                      label={text.views.remove(view.name)}
                      onClick={() => change({ remove: view })}
                      testId="view-remove"
                    />
                  </>
                )}
              </>
            )}
          </li>
        ))}
      </ul>
      {views && <KeptViews organizationId={organizationId} views={views} />}
      {error && (
        <p className="views-fault" role="alert" data-testid="views-fault">
          {error.message}
        </p>
      )}
      <NameForm label={text.views.name} start="" onDone={(name) => change({ save: { name, path: here } })} />
    </div>
  );
}

interface ViewButtonProps {
  icon: "edit" | "trash";
  label: string;
  onClick: () => void;
  testId: string;
}

function ViewButton({ icon, label, onClick, testId }: ViewButtonProps) {
  return (
    <button type="button" className="row-action" aria-label={label} title={label} onClick={onClick} data-testid={testId}>
      <Icon name={icon} />
    </button>
  );
}

interface NameFormProps {
  label: string;
  start: string;
  onDone: (name: string) => void;
}

function NameForm({ label, start, onDone }: NameFormProps) {
  const [name, setName] = useState(start);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === "") return;
    setName("");
    onDone(name.trim());
  };
  return (
    <form className="views-form" onSubmit={submit}>
      <input
        className="field"
        value={name}
        aria-label={label}
        placeholder={label}
        maxLength={80}
        autoComplete="off"
        autoFocus={start !== ""}
        onChange={(event) => setName(event.target.value)}
        data-testid={start === "" ? "view-name" : "view-new-name"}
      />
      <button type="submit" className="button" disabled={name.trim() === ""} data-testid="view-save">
        {text.views.save}
      </button>
    </form>
  );
}
