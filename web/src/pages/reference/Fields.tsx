import { text } from "../../text";
import { fieldsOf, typeText, type Description, type Schema } from "./openapi";
import { Prose } from "./Prose";

interface Props {
  schema: Schema;
  description: Description;
  /** How deep these fields are; the description has no cycles, but a reader has limits. */
  depth?: number;
}

const DEEPEST = 4;

/** The fields of an object; those that are objects themselves unfold. */
export function Fields({ schema, description, depth = 0 }: Props) {
  const object = fieldsOf(schema, description);
  if (!object?.properties || depth > DEEPEST) return null;
  return (
    <ul className="fields">
      {Object.entries(object.properties).map(([name, field]) => {
        const inner = fieldsOf(field, description);
        const line = (
          <>
            <code>{name}</code>
            <span className="muted field-type">{typeText(field)}</span>
            {object.required && !object.required.includes(name) && (
              <span className="muted field-type">{text.reference.optional}</span>
            )}
          </>
        );
        return (
          <li key={name}>
            {inner && depth < DEEPEST ? (
              <details>
                <summary>{line}</summary>
                {field.description && <Prose>{field.description}</Prose>}
                <Fields schema={field} description={description} depth={depth + 1} />
              </details>
            ) : (
              <>
                <p className="field-line">{line}</p>
                {field.description && <Prose>{field.description}</Prose>}
              </>
            )}
          </li>
        );
      })}
    </ul>
  );
}
