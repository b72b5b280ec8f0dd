import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { findToken } from "../../api/administration";
import { text } from "../../text";
import { Failure } from "../../ui/Failure";
import { AdministrationHeader } from "./AdministrationHeader";
import { Field, filled } from "./Field";
import { FormDialog } from "./FormDialog";
import { directoryQuery, tokensQuery } from "./queries";
import { TokenTable } from "./TokenTable";

const words = text.administration.token;

export default function TokensPage() {
  const tokens = useQuery(tokensQuery(null));
  const directory = useQuery(directoryQuery(null));
  const [finding, setFinding] = useState(false);
  const [found, setFound] = useState<string | null>(null);
  const failed = [tokens, directory].find((query) => query.error && !query.data);
  return (
    <div className="page" data-testid="tokens" data-busy={!(tokens.data && directory.data) && !failed}>
      <AdministrationHeader title={text.administration.tokens} lead={words.lead} />
      {failed ? (
        <Failure error={failed.error} onRetry={() => void failed.refetch()} />
      ) : (
        <TokenTable
          tokens={tokens.data}
          directory={directory.data}
          organizationId={null}
          found={found}
          tools={
            <button type="button" className="button" onClick={() => setFinding(true)} data-testid="find-token">
              {words.find}
            </button>
          }
        />
      )}
      {finding && (
        <FormDialog
          title={words.find}
          lead={words.findLead}
          submit={words.find}
          onClose={() => setFinding(false)}
          onSubmit={async (values) => {
            setFound((await findToken(filled(values, "secret"))).id);
            setFinding(false);
          }}
        >
          <Field name="secret" label={words.secret} required />
        </FormDialog>
      )}
    </div>
  );
}
