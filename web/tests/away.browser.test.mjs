// The server goes away under an open page, and comes back, as itself or as another version.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open, PHONE, ready } from "./browser.mjs";
import { serve } from "./server.mjs";

const DAY_MS = 86_400_000;

async function withUsage(t) {
  const server = await serve(t);
  const event = (id, daysAgo) => ({
    id,
    timestamp: Date.now() - daysAgo * DAY_MS,
    organizationId: "acme",
    projectId: "web",
    apiKeyId: "k1",
    usedModel: "openai/gpt-4o",
    cost: "0.25",
  });
  await server.events([event("a", 1), event("b", 2)]);
  return server;
}

const portOf = (server) => Number(new URL(server.url).port);
const cost = (page) => page.getByTestId("card-cost").locator("[data-exact]").getAttribute("data-exact");
const empty = (page) => page.evaluate(() => document.getElementById("root").innerText.trim() === "");

test("a page that is opened while the server is away is not white, and comes by itself", async (t) => {
  const server = await withUsage(t);
  const page = await open(t, server.operatorLink, { mayRefuse: true });
  await page.goto(`${server.url}/organizations/acme/analytics?range=last-7-days&tz=UTC`);
  await ready(page);
  const store = await server.stop();
  // Its code is not here yet, neither by a look ahead.
  await page.evaluate(() => {
    history.pushState(null, "", "/organizations/acme/members?range=last-7-days&tz=UTC");
    dispatchEvent(new PopStateEvent("popstate"));
  });
  await page.getByText("could not be loaded").waitFor();
  assert.equal(await empty(page), false);
  assert.ok(await page.getByRole("link", { name: "API keys" }).isVisible(), "the rest of the page stays");
  await serve(t, [], store, portOf(server));
  await ready(page, "members");
  assert.equal(new URL(page.url()).search, "?range=last-7-days&tz=UTC");
});

test("a panel that cannot be loaded says so, and the page stays", async (t) => {
  const server = await withUsage(t);
  const page = await open(t, server.operatorLink, { mayRefuse: true });
  await page.route(/RangePanel|healthz/, (route) => route.abort());
  await page.getByTestId("range-button").click();
  await page.getByTestId("not-loaded").waitFor();
  assert.equal(await cost(page), "0.5");
});

test("figures that are old say since when, and are new once the server is back", async (t) => {
  const server = await withUsage(t);
  const page = await open(t, server.operatorLink, { mayRefuse: true, viewport: PHONE });
  assert.equal(await page.getByTestId("connection-lost").count(), 0);
  await page.getByTestId("waterfall").waitFor();
  const store = await server.stop();
  await page.getByTestId("metric-tokens").click();
  await page.getByTestId("connection-lost").getByText("Not connected since").waitFor();
  assert.equal(await cost(page), "0.5", "what was known stays");
  const again = await serve(t, [], store, portOf(server));
  await again.events([
    {
      id: "c",
      timestamp: Date.now() - DAY_MS,
      organizationId: "acme",
      projectId: "web",
      apiKeyId: "k1",
      usedModel: "openai/gpt-4o",
      cost: "0.5",
    },
  ]);
  await page.getByTestId("connection-lost").waitFor({ state: "detached" });
  // The page may have asked before the event was there; then it asks again after half a minute.
  await page.getByTestId("card-cost").locator("[data-exact='1']").waitFor({ timeout: 60_000 });
});

test("after an upgrade the tab has the new version with the next page, and keeps its days", async (t) => {
  const server = await withUsage(t);
  const page = await open(t, server.operatorLink, { mayRefuse: true });
  await page.goto(`${server.url}/organizations/acme/analytics?range=last-7-days&tz=Asia/Tokyo`);
  await ready(page);
  await page.getByTestId("waterfall").waitFor();
  const store = await server.stop();
  await serve(t, ["--product-name", "Newer"], store, portOf(server));
  await page.getByTestId("metric-tokens").click();
  await ready(page);
  assert.ok(!(await page.title()).includes("Newer"), "not under the reader's hands");
  await page.getByRole("link", { name: "Members" }).click();
  await page.waitForFunction(() => document.title.includes("Newer"));
  await ready(page, "members");
  assert.match(page.url(), /members\?range=last-7-days&tz=Asia\/Tokyo/);
});
