// From a server that knows nothing to the first chart.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, chartColumn, exact, LAPTOP, open, PHONE, ready, visit, withinWidth } from "./browser.mjs";
import { serve } from "./server.mjs";

const ACME = "/organizations/acme";

function event(id, timestamp = new Date().toISOString()) {
  return {
    id,
    timestamp,
    organizationId: "acme",
    projectId: "search",
    apiKeyId: "key-1",
    usedModel: "openai/gpt-4o",
    promptTokens: 1200,
    completionTokens: 80,
    cost: "1.25",
  };
}

/** A server with an organization that has never used anything, and its owner. */
async function unused(t) {
  const server = await serve(t);
  await server.directory({
    organizations: [{ id: "acme", name: "Acme" }],
    users: [{ id: "olga", name: "Olga" }],
    members: [{ organizationId: "acme", userId: "olga", role: "owner" }],
  });
  return server;
}

/** Everything that is shown to set up a sender. */
async function snippets(page) {
  const codes = await page.getByTestId("onboarding").locator("ol > li").nth(1).locator("code").allInnerTexts();
  return codes.join("\n");
}

test("a fresh server: name the organization, make a token, send what is shown, see the chart", async (t) => {
  const server = await serve(t);
  const page = await open(t, server.operatorLink, { landsOn: null });
  await page.getByTestId("first-organization").waitFor();
  await page.getByTestId("field-id").fill("acme");
  await page.getByTestId("field-name").fill("Acme");
  await page.getByTestId("first-submit").click();
  await page.getByTestId("onboarding").waitFor();
  assert.equal(new URL(page.url()).pathname, `${ACME}/analytics`);
  assert.equal(await page.getByTestId("card-cost").isVisible(), false, "no zeros before the first step");

  assert.match(await snippets(page), /Bearer \$INGEST"/);
  await page.getByTestId("onboarding-make").click();
  const token = await page.getByTestId("onboarding-token").locator("code").innerText();
  assert.match(token, /^rc_ingest_[0-9a-f]{64}$/);
  const { tokens } = await server.get("/v1/tokens");
  assert.deepEqual(tokens.filter((one) => one.kind === "ingest").map((one) => one.organizationId), ["acme"]);
  for (const [sender, line] of [
    ["litellm", `    endpoint: ${server.url}/v1/ingest/litellm\n    headers:\n      Authorization: "Bearer ${token}"\n`],
    ["otlp", `OTEL_EXPORTER_OTLP_ENDPOINT=${server.url}/v1/otlp\n`],
    ["codex", `endpoint = "${server.url}/v1/otlp/v1/logs"\n`],
    ["claude-code", `"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer ${token}"\n`],
    ["gemini-cli", `"otlpEndpoint": "${server.url}/v1/otlp",\n`],
    ["qwen-code", `OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer ${token}"\n`],
    ["opencode", `rollcall doctor --client opencode --url ${server.url}`],
    ["copilot", `OTEL_EXPORTER_OTLP_ENDPOINT=${server.url}/v1/otlp\n`],
    ["vercel-ai-sdk", `OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20${token}"\n`],
    ["langsmith", `OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer ${token}"`],
    ["curl", `curl ${server.url}/v1/events \\\n  -H "Authorization: Bearer ${token}"`],
  ]) {
    await page.getByTestId(`sender-${sender}`).click();
    const shown = await snippets(page);
    assert.ok(shown.includes(line), shown);
  }

  // What the snippet says, sent as curl would.
  const body = /-d '(.*)'$/s.exec(await snippets(page))[1].replace(/'\$\(date [^)]*\)'/, new Date().toISOString());
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const answer = await fetch(new URL("/v1/events", server.url), { method: "POST", headers, body });
  assert.deepEqual(await answer.json(), { accepted: 1, duplicates: 0, rejected: [] });
  await page.locator(".chart[data-drawn=true]").waitFor();
  assert.equal(await page.getByTestId("onboarding").count(), 0);
  assert.equal(await exact(page, "card-cost"), "0.000228");
  assert.ok(!(await page.content()).includes(token), "the secret is gone");
  await page.close();
});

test("senders are chosen by arrow keys as well, and in German they are called alike", async (t) => {
  const page = await open(t, (await unused(t)).operatorLink, { locale: "de-DE" });
  await page.getByTestId("sender-codex").locator("input").focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.getByRole("radio", { name: "Claude Code" }).isChecked(), true);
  assert.match(await snippets(page), /CLAUDE_CODE_ENABLE_TELEMETRY/);
  await page.getByText("Angemeldet gehören die Aufrufe der Person.").waitFor();
  await page.close();
});

test("an event that comes before any organization is noticed as well", async (t) => {
  const server = await serve(t);
  const page = await open(t, server.operatorLink, { landsOn: null });
  await page.getByTestId("first-organization").waitFor();
  await server.events([event("call-1")]);
  await ready(page);
  assert.equal(new URL(page.url()).pathname, `${ACME}/analytics`);
  assert.equal(await exact(page, "card-cost"), "1.25");
  await page.close();
});

test("usage that begins long ago is shown where it is", async (t) => {
  const server = await unused(t);
  const page = await open(t, server.operatorLink);
  await page.getByTestId("onboarding").waitFor();
  await server.events([event("call-1", "2024-02-10T12:00:00Z")]);
  await page.waitForURL((url) => url.searchParams.get("from") === "2024-02-01" && url.searchParams.get("to") === "2024-02-29");
  await ready(page);
  const days = await chartColumn(page, "total");
  assert.deepEqual([days.length, days[9]], [29, 1.25]);
  await page.close();
});

test("a token that was made stays while the reader looks at another range or zone", async (t) => {
  const page = await open(t, (await unused(t)).operatorLink);
  await page.getByTestId("onboarding-make").click();
  const token = await page.getByTestId("onboarding-token").locator("code").innerText();
  await page.getByTestId("range-button").click();
  await page.getByTestId("range-preset-last-7-days").click();
  await page.waitForURL(/range=last-7-days/);
  await ready(page);
  await page.getByTestId("zone-button").click();
  await page.getByTestId("zone-search").fill("Asia/Tokyo");
  await page.getByTestId("zone-option-Asia/Tokyo").click();
  await page.waitForURL(/tz=Asia\/Tokyo/);
  await ready(page);
  assert.equal(await page.getByTestId("onboarding-token").locator("code").innerText(), token);
  await page.close();
});

test("an owner is told who makes the token, and the chart comes by itself for them too", async (t) => {
  const server = await unused(t);
  const page = await open(t, await server.linkOf("olga"));
  await page.getByTestId("onboarding").waitFor();
  assert.equal(await page.getByTestId("onboarding-make").count(), 0);
  await page.getByText("rollcall token create ingest --organization acme").waitFor();
  await server.events([event("call-1")]);
  await page.locator(".chart[data-drawn=true]").waitFor();
  await page.close();
});

test("a range without usage is no beginning", async (t) => {
  const server = await unused(t);
  await server.events([event("call-1", "2025-06-10T12:00:00Z")]);
  const page = await open(t, server.operatorLink);
  await page.getByRole("heading", { name: "No usage in this range" }).waitFor();
  assert.equal(await page.getByTestId("onboarding").count(), 0);
  await visit(page, `${ACME}/analytics?from=2025-06-01&to=2025-06-30&tz=UTC`, "analytics");
  assert.equal(await exact(page, "card-cost"), "1.25");
});

test("whoever belongs to no organization is told so, and cannot make one", async (t) => {
  const server = await unused(t);
  await server.directory({ users: [{ id: "nina", name: "Nina" }] });
  const page = await open(t, await server.linkOf("nina"), { landsOn: null });
  await page.getByRole("heading", { name: "No organization yet" }).waitFor();
  assert.equal(await page.getByTestId("first-organization").count(), 0);
});

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [LAPTOP, PHONE]) {
    test(`axe finds nothing on the way to the first event: ${colorScheme}, ${viewport.width} px`, async (t) => {
      const server = await serve(t);
      const page = await open(t, server.operatorLink, { landsOn: null, colorScheme, viewport });
      const fine = async (what) => {
        await accessible(page, what);
        await withinWidth(page, what);
      };
      await page.getByTestId("first-organization").waitFor();
      await fine("the first organization");
      await page.getByTestId("field-id").fill("acme");
      await page.getByTestId("first-submit").click();
      await page.getByTestId("onboarding").waitFor();
      await fine("onboarding");
      await page.getByTestId("onboarding-make").click();
      await page.getByTestId("onboarding-token").waitFor();
      for (const sender of ["litellm", "codex", "opencode", "vercel-ai-sdk", "otlp"]) {
        await page.getByTestId(`sender-${sender}`).click();
        await fine(sender);
      }
      await page.close();
    });
  }
}
