import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { referenceQuery } from "../../api/queries";
import { text } from "../../text";
import { language } from "../../text/language";
import { Bone } from "../../ui/Bone";
import { Failure } from "../../ui/Failure";
import { Icon } from "../../ui/Icon";
import { sectionsOf, type Description } from "./openapi";
import { OperationView } from "./OperationView";
import { Prose } from "./Prose";
import "./reference.css";
import { tagWords } from "./words";

/*
 * Drawn by this page itself: Swagger UI works under the server's content security policy, but weighs 460 kB
 * and its contrast and nesting fail the accessibility checks that every page here has to pass.
 */
export default function ReferencePage() {
  useEffect(() => {
    document.title = text.reference.documentTitle;
  }, []);
  const query = useQuery(referenceQuery);
  const description = query.data as Description | undefined;

  // The target of a link exists only once the description is here.
  useEffect(() => {
    if (description && location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [description]);

  return (
    <div className="reference" data-testid="reference" data-busy={query.isPending}>
      <header className="reference-header">
        <div>
          <h1>{text.reference.title}</h1>
          <p className="muted">{description ? text.reference.version(description.info.version) : <Bone width="120px" />}</p>
        </div>
        <a className="button" href="/openapi.json" download="rollcall-openapi.json" data-testid="reference-download">
          <Icon name="download" />
          openapi.json
        </a>
      </header>
      {query.error ? (
        <Failure error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <>
          <div className="reference-lead">
            <Prose lang={language}>{text.reference.lead}</Prose>
          </div>
          {description &&
            sectionsOf(description).map(({ tag, operations }) => (
              <section key={tag} aria-labelledby={`tag-${tag}`}>
                <h2 id={`tag-${tag}`}>{tagWords[tag] ?? tag}</h2>
                <div className="operations">
                  {operations.map((operation) => (
                    <OperationView key={operation.id} operation={operation} description={description} />
                  ))}
                </div>
              </section>
            ))}
        </>
      )}
    </div>
  );
}
