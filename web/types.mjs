// The dashboard's types, made from the description of the API. Amounts are numbers here: this page asks for no strings.
import { writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const types = await openapiTS(new URL("../docs/openapi.json", import.meta.url), {
  transform: (_schema, { path }) =>
    path?.endsWith("#/components/schemas/Money") ? ts.factory.createKeywordTypeNode(ts.SyntaxKind.NumberKeyword) : undefined,
});
await writeFile(new URL("src/api/schema.d.ts", import.meta.url), astToString(types));
