import { useEffect, type ReactNode } from "react";
import { text } from "../../text";
import "../parts/page.css";
import "./administration.css";

interface Props {
  back?: ReactNode;
  title: string;
  tags?: ReactNode;
  lead?: ReactNode;
  children?: ReactNode;
}

export function AdministrationHeader({ back, title, tags, lead, children }: Props) {
  useEffect(() => {
    document.title = text.documentTitle(title, text.administration.title);
  }, [title]);
  return (
    <header className="page-header">
      <div className="page-heading">
        {back}
        <div className="page-title">
          <h1 className="truncate">{title}</h1>
          {tags}
        </div>
        {lead && <p className="muted page-lead">{lead}</p>}
      </div>
      {children && <div className="page-controls">{children}</div>}
    </header>
  );
}
