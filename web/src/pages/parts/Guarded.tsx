import { Suspense, type ReactNode } from "react";
import type { Me, Organization } from "../../api/types";
import { analyticsAccess } from "../../state/access";
import { lazily } from "../../ui/lazily";

const Refused = lazily(() => import("./Refused"));

interface Props {
  me: Me;
  organization: Organization;
  /** Of the page that is not shown. */
  title: string;
  children: ReactNode;
}

/** Says no before anything is asked: the membership is known by then, so no refusal flashes by. */
export function Guarded({ me, organization, title, children }: Props) {
  const access = analyticsAccess(me.kind, organization);
  if (access === "granted") return children;
  return (
    <Suspense fallback={null}>
      <Refused access={access} organization={organization} title={title} />
    </Suspense>
  );
}
