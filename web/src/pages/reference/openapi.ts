/** As much of OpenAPI 3.1 as the server's own description uses. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  additionalProperties?: Schema | boolean;
}

export interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

type Content = Record<string, { schema?: Schema }>;

interface RawOperation {
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { description?: string; required?: boolean; content?: Content };
  responses?: Record<string, { description?: string; content?: Content }>;
}

export interface Description {
  info: { title: string; version: string; description?: string };
  paths: Record<string, Record<string, RawOperation>>;
  components?: { schemas?: Record<string, Schema> };
}

export interface Operation extends RawOperation {
  /** Stands in the address, so that a link opens it. */
  id: string;
  method: string;
  path: string;
}

export interface Section {
  tag: string;
  operations: Operation[];
}

const METHODS = ["get", "post", "put", "patch", "delete"];

/** In the order of the description, by the first tag. */
export function sectionsOf(description: Description): Section[] {
  const sections = new Map<string, Operation[]>();
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const method of METHODS) {
      const raw = methods[method];
      if (!raw) continue;
      const tag = raw.tags?.[0] ?? "";
      const id = `${method}${path.replace(/[^A-Za-z0-9]+/g, "-")}`.replace(/-$/, "");
      sections.set(tag, [...(sections.get(tag) ?? []), { ...raw, id, method, path }]);
    }
  }
  return [...sections].map(([tag, operations]) => ({ tag, operations }));
}

export function refName(ref: string): string {
  return ref.slice(ref.lastIndexOf("/") + 1);
}

export function resolve(schema: Schema, description: Description): Schema {
  return schema.$ref ? (description.components?.schemas?.[refName(schema.$ref)] ?? {}) : schema;
}

/** "string | null", "KeyEntry[]", "owner | admin": what a reader needs to know in one line. */
export function typeText(schema: Schema | undefined): string {
  if (!schema) return "";
  if (schema.$ref) return refName(schema.$ref);
  const parts = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (parts) return parts.map(typeText).join(schema.allOf ? " & " : " | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map(String).join(" | ");
  const types = [schema.type ?? "any"].flat();
  const names = types.map((type) => {
    if (type === "array") return `${bracketed(typeText(schema.items))}[]`;
    return type;
  });
  return names.join(" | ");
}

function bracketed(text: string): string {
  return text.includes(" ") ? `(${text})` : text;
}

/** The object whose fields are worth listing: behind references, lists and "or null". */
export function fieldsOf(schema: Schema | undefined, description: Description): Schema | null {
  if (!schema) return null;
  const whole = resolve(schema, description);
  if (whole.properties) return whole;
  if (whole.items) return fieldsOf(whole.items, description);
  const parts = whole.oneOf ?? whole.anyOf ?? whole.allOf ?? [];
  for (const part of parts) {
    const found = fieldsOf(part, description);
    if (found) return found;
  }
  return null;
}
