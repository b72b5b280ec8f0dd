import { Suspense } from "react";
import type { Me } from "../api/types";
import { text } from "../text";
import { Notice } from "../ui/Notice";
import { Shell } from "./shell/Shell";
import { lazily } from "../ui/lazily";

const FirstOrganization = lazily(() => import("./onboarding/FirstOrganization"));

export default function NoOrganizationPage({ me }: { me: Me }) {
  return (
    <Shell me={me} organization={null} page={null}>
      {me.kind === "operator" ? (
        <Suspense fallback={null}>
          <FirstOrganization />
        </Suspense>
      ) : (
        <Notice whole icon="inbox" title={text.errors.noOrganizationTitle}>
          <p>{text.errors.noOrganization}</p>
        </Notice>
      )}
    </Shell>
  );
}
