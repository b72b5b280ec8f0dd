// Today grows while somebody looks at it: what is new comes by itself, and nothing moves where nothing is new.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exact, open, ready } from "./browser.mjs";
import { serve } from "./server.mjs";

async function acme(t) {
  const server = await serve(t);
  await server.directory({
    organizations: [{ id: "acme", name: "Acme" }],
    users: [{ id: "olga", name: "Olga" }],
    members: [{ organizationId: "acme", userId: "olga", role: "owner" }],
  });
  let calls = 0;
  const spend = (cost, at = new Date()) =>
    server.events([
      {
        id: `call-${++calls}`,
        timestamp: at.toISOString(),
        organizationId: "acme",
        projectId: "search",
        apiKeyId: "k",
        usedModel: "gpt-4o",
        usedProvider: "openai",
        cost,
      },
    ]);
  await spend("1.5");
  return { server, spend };
}

test("new usage of today comes without flicker, and nothing new is a 304 that changes nothing", async (t) => {
  const { server, spend } = await acme(t);
  const page = await open(t, null);
  const answers = [];
  page.on("response", (response) => {
    const { pathname, searchParams } = new URL(response.url());
    if (pathname === "/analytics/activity" && searchParams.get("compareFrom")) answers.push(response);
  });
  await page.clock.install();
  await page.goto(await server.linkOf("olga"));
  await ready(page);
  assert.equal(await exact(page, "card-cost"), "1.5");
  await page.locator(".chart[data-drawn=true]").waitFor();
  await page.getByTestId("what-if").waitFor();
  await page.getByTestId("waterfall").waitFor();
  // Notes everything that is drawn anew below the header, and any dimming.
  await page.evaluate(() => {
    window.changes = [];
    const activity = document.querySelector("[data-testid=activity]");
    new MutationObserver((all) => window.changes.push(...all.map((one) => one.attributeName ?? one.type))).observe(activity, {
      attributes: true,
      childList: true,
      characterData: true,
      subtree: true,
    });
  });
  const moment = () => page.getByTestId("as-of").getAttribute("data-moment");

  const before = await moment();
  const asked = answers.length;
  const unchanged = page.waitForResponse((response) => response.status() === 304 && response.url().includes("compareFrom="));
  await page.clock.runFor(30_000);
  const answer = await unchanged;
  assert.ok((await answer.request().allHeaders())["if-none-match"]);
  assert.equal(answers.length, asked + 1, "asked once");
  assert.ok(Date.parse(await moment()) >= Date.parse(before));
  assert.deepEqual(await page.evaluate(() => window.changes), [], "nothing was drawn anew");

  await spend("0.25");
  await page.clock.runFor(30_000);
  await page.locator('[data-testid=card-cost] [data-exact="1.75"]').waitFor();
  const changes = await page.evaluate(() => window.changes);
  assert.ok(changes.length > 0 && !changes.includes("data-former") && !changes.includes("aria-busy"), "nothing was dimmed");
});

test("days that are over are not asked about again", async (t) => {
  const { server, spend } = await acme(t);
  // Where nothing is shown, the page asks whether there ever was anything.
  await spend("0.5", new Date(Date.now() - 7 * 86_400_000));
  const page = await open(t, null);
  await page.clock.install();
  await page.goto(await server.linkOf("olga"));
  await ready(page);
  await page.goto(`${server.url}/organizations/acme/analytics?range=last-week&tz=UTC`);
  await ready(page);
  // What stands beside the figures is asked a moment later, once.
  await page.clock.runFor(5_000);
  await page.getByTestId("waterfall").waitFor();
  const asked = [];
  page.on("request", (request) => request.url().includes("/analytics/") && asked.push(request.url()));
  await page.clock.runFor(120_000);
  assert.deepEqual(asked, []);
});
