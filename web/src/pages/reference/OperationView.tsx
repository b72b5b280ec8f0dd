import { useState } from "react";
import { text } from "../../text";
import { Fields } from "./Fields";
import { typeText, type Description, type Operation } from "./openapi";
import { Prose } from "./Prose";

interface Props {
  operation: Operation;
  description: Description;
}

export function OperationView({ operation, description }: Props) {
  const [open, setOpen] = useState(() => location.hash === `#${operation.id}`);
  return (
    <details
      id={operation.id}
      className="operation card"
      open={open}
      onToggle={(event) => {
        const now = event.currentTarget.open;
        setOpen(now);
        // The address names what was opened last, so that it can be sent to somebody.
        if (now !== open) history.replaceState(null, "", now ? `#${operation.id}` : location.pathname + location.search);
      }}
      data-testid="operation"
    >
      <summary>
        <span className="method" data-method={operation.method}>
          {operation.method.toUpperCase()}
        </span>
        <code className="operation-path">{operation.path}</code>
        <span className="muted operation-summary" lang="en">{operation.summary}</span>
      </summary>
      {open && <Body operation={operation} description={description} />}
    </details>
  );
}

function Body({ operation, description }: Props) {
  const { parameters = [], requestBody, responses = {} } = operation;
  return (
    <div className="operation-body">
      {operation.description && <Prose>{operation.description}</Prose>}
      {parameters.length > 0 && (
        <section>
          <h3>{text.reference.parameters}</h3>
          <ul className="fields">
            {parameters.map((parameter) => (
              <li key={`${parameter.in} ${parameter.name}`}>
                <p className="field-line">
                  <code>{parameter.name}</code>
                  <span className="muted field-type">
                    {text.reference.places[parameter.in as keyof typeof text.reference.places] ?? parameter.in} · {typeText(parameter.schema)}
                  </span>
                  {parameter.required && <span className="tag">{text.reference.required}</span>}
                </p>
                {parameter.description && <Prose>{parameter.description}</Prose>}
              </li>
            ))}
          </ul>
        </section>
      )}
      {requestBody && (
        <section>
          <h3>{text.reference.body}</h3>
          {requestBody.description && <Prose>{requestBody.description}</Prose>}
          {Object.entries(requestBody.content ?? {}).map(([type, { schema }]) => (
            <div key={type}>
              <p className="field-line">
                <code>{type}</code>
                <span className="muted field-type">{typeText(schema)}</span>
              </p>
              {schema && <Fields schema={schema} description={description} />}
            </div>
          ))}
        </section>
      )}
      <section>
        <h3>{text.reference.answers}</h3>
        <ul className="fields">
          {Object.entries(responses).map(([status, answer]) => {
            const content = Object.entries(answer.content ?? {});
            const schema = content.find(([, one]) => one.schema)?.[1].schema;
            return (
              <li key={status}>
                <p className="field-line">
                  <code>{status}</code>
                  <span>{answer.description}</span>
                  {content.length > 0 && <span className="muted field-type">{content.map(([type]) => type).join(", ")}</span>}
                </p>
                {schema && status.startsWith("2") && <Fields schema={schema} description={description} />}
              </li>
            );
          })}
        </ul>
      </section>
    </div>
  );
}
