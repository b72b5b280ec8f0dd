import { Link } from "wouter";
import type { Me } from "../api/types";
import { text } from "../text";
import { Notice } from "../ui/Notice";
import { analyticsPath } from "./routes";
import { Shell } from "./shell/Shell";

export default function NotFoundPage({ me }: { me: Me }) {
  const first = me.organizations[0];
  return (
    <Shell me={me} organization={first ?? null} page={null}>
      <Notice
        whole
        icon="search"
        title={text.errors.notFoundTitle}
        actions={
          first && (
            <Link href={analyticsPath(first.id)} className="button button-primary">
              {text.errors.home}
            </Link>
          )
        }
      >
        <p>{text.errors.notFound}</p>
      </Notice>
    </Shell>
  );
}
