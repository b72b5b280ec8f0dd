import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { snippetFor } from "./snippets";

// What people copy here and what the documentation says must not drift apart.
const page = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), "utf8");

test.each([
  ["curl", "http://127.0.0.1:8787", "README.md"],
  ["litellm", "http://rollcall.internal:8787", "docs/feeds.md"],
  ["otlp", "http://rollcall.internal:8787", "docs/feeds.md"],
] as const)("the snippet for %s is the one in the documentation", (sender, origin, path) => {
  expect(page(path)).toContain(`\n${snippetFor(sender, origin, null)}\n`);
});

test("a token that was made takes the place of what stands for one", () => {
  expect(snippetFor("litellm", "https://r.example", "rc_ingest_1")).toContain('Authorization: "Bearer rc_ingest_1"');
  expect(snippetFor("otlp", "https://r.example", "rc_ingest_1")).toContain("https://r.example/v1/otlp\n");
  expect(snippetFor("curl", "https://r.example", "rc_ingest_1")).not.toContain("$INGEST");
});
