import { useQuery } from "@tanstack/react-query";
import { text } from "../../text";
import { Failure } from "../../ui/Failure";
import type { PartProps } from "./part";
import { tokensQuery } from "./queries";
import { TokenTable } from "./TokenTable";

/** Tokens that are for this organization alone: what signs its people in here, and what sends its events. */
export function Tokens({ organization, directory }: PartProps) {
  const tokens = useQuery(tokensQuery(organization.id));
  if (tokens.error && !tokens.data) return <Failure error={tokens.error} onRetry={() => void tokens.refetch()} />;
  return (
    <>
      <p className="muted">{text.administration.organization.tokensLead}</p>
      <TokenTable tokens={tokens.data} directory={directory} organizationId={organization.id} />
    </>
  );
}
