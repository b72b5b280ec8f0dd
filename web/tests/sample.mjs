// Makes the sample organization's store once, for all test files: `node tests/sample.mjs FOLDER` leaves a copy of it
// there and the links that sign in to it. Making it takes longer than any test of it.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

const [folder] = process.argv.slice(2);
assert.ok(folder, "name the folder that the store is to be in");
const { LINK, DEVELOPER_LINK, OPERATOR_LINK } = await import("./demo.mjs");
const operator = new URL(OPERATOR_LINK).hash.slice("#token=".length);
const copy = await fetch(new URL("/v1/backup", OPERATOR_LINK), { headers: { Authorization: `Bearer ${operator}` } });
assert.ok(copy.ok, `the copy of the sample: ${copy.status}`);
await writeFile(join(folder, "rollcall.redb"), copy.body);
await writeFile(join(folder, "links"), [LINK, DEVELOPER_LINK, OPERATOR_LINK].map((link) => new URL(link).hash).join("\n"));
process.exit();
