import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { senderGroups, setupFor } from "./snippets";

// What people copy here and what the documentation says must not drift apart.
const page = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), "utf8");
const senders = senderGroups.flatMap(({ senders }) => senders);

test.each(senders)("the settings for %s are those in the documentation", (sender) => {
  const [path, origin] =
    sender === "curl" ? ["README.md", "http://127.0.0.1:8787"] : ["docs/feeds.md", "http://rollcall.internal:8787"];
  for (const { code } of setupFor(sender, origin, null).parts) expect(page(path)).toContain(`\n${code}\n`);
});

test.each(senders)("what %s was tried with is what make test-clients runs, and the documentation says so", (sender) => {
  for (const tried of setupFor(sender, "", null).tried ?? []) {
    expect(page("tests/clients/clients.py")).toContain(`"${tried}"`);
    expect(page("docs/feeds.md")).toContain(`\`${tried}\``);
  }
});

test.each(senders)("a server and a token that was made stand in all settings for %s", (sender) => {
  const codes = setupFor(sender, "https://r.example", "rc_ingest_1").parts.map(({ code }) => code).join("\n");
  expect(codes).toContain("https://r.example/v1/");
  expect(codes).toMatch(/Bearer( |%20)rc_ingest_1"/);
  expect(codes).not.toMatch(/rollcall\.internal|rc_ingest_…|\$INGEST/);
});
