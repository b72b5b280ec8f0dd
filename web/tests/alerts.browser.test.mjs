// What somebody is told of: made, rehearsed and taken away on the page of budgets.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, LAPTOP, open, PHONE, ready, withinWidth } from "./browser.mjs";
import { serve } from "./server.mjs";

const DAY_MS = 86_400_000;

async function acme(t) {
  const server = await serve(t);
  await server.directory({
    organizations: [{ id: "acme", name: "Acme" }],
    members: [{ organizationId: "acme", userId: "ada", role: "owner" }],
  });
  const yesterday = new Date(Date.now() - DAY_MS).toISOString();
  const call = { organizationId: "acme", projectId: "web", apiKeyId: "k1", usedModel: "openai/gpt-4o" };
  await server.events([{ ...call, id: "call-1", timestamp: yesterday, cost: "12.5" }]);
  const scope = { kind: "organization" };
  await server.put("/v1/budgets", {
    budgets: [{ id: "all", organizationId: "acme", scope, limit: { cost: 20 }, window: "day", percent: [50, 60] }],
  });
  return server;
}

test("an owner makes an alert, sees when it would have fired, and takes it away", async (t) => {
  const server = await acme(t);
  // One change is refused on purpose.
  const page = await open(t, await server.linkOf("ada"), { mayRefuse: true });
  await page.getByTestId("nav-budgets").click();
  await ready(page, "budgets");
  await page.getByText("There are no alerts yet.").waitFor();
  await page.getByRole("button", { name: "Add an alert" }).click();
  await page.getByTestId("field-id").fill("half");
  await page.getByTestId("field-address").fill("http://10.0.0.1/in");
  await page.getByTestId("dialog-submit").click();
  await page.getByText("must begin with https://").waitFor();
  await page.getByTestId("field-address").fill("https://hooks.example.com/in");
  await page.getByTestId("field-secret").fill("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  await page.getByTestId("dialog-submit").click();
  const row = page.locator("[data-testid=entry-row][data-key=half]");
  await row.waitFor();
  assert.match(await row.innerText(), /A budget reaches a percentage · all/);
  const alerts = async () => (await server.get("/v1/alerts?organizationId=acme")).alerts;
  const to = [{ kind: "webhook", url: "https://hooks.example.com/in", signed: true }];
  const made = { id: "half", organizationId: "acme", kind: "budget", budgetId: "all", to, status: "active" };
  assert.deepEqual(await alerts(), [made]);

  // What is changed leaves the secret as it is, and what nobody touched.
  await row.getByTestId("edit").click();
  await page.getByTestId("field-threshold").fill("60");
  await page.getByTestId("field-channel").selectOption("email");
  await page.getByTestId("field-address").fill("ada@example.com");
  await page.getByTestId("dialog-submit").click();
  await page.getByText("Webhook, E-mail").waitFor();
  assert.deepEqual(await alerts(), [{ ...made, threshold: 60, to: [...to, { kind: "email", address: "ada@example.com" }] }]);

  await row.getByTestId("rehearse").click();
  await page.getByTestId("rehearsal").waitFor();
  assert.match(await page.getByTestId("rehearsal").innerText(), /Once from .*Budget all has reached 60%: 12.5 USD of 20 USD/s);
  assert.equal(await page.locator(".rehearsal-day[data-fired=true]").count(), 1);
  await accessible(page, "a rehearsal");
  await page.keyboard.press("Escape");
  for (const [viewport, colorScheme] of [[LAPTOP, "light"], [PHONE, "dark"]]) {
    const other = await open(t, await server.linkOf("ada"), { viewport, colorScheme });
    await other.goto(new URL("/organizations/acme/budgets", server.url).href);
    await ready(other, "budgets");
    await other.getByTestId("rehearse").waitFor();
    await accessible(other, `alerts, ${colorScheme}`);
    await withinWidth(other, "budgets");
  }
  await row.getByTestId("delete").click();
  await page.getByTestId("dialog-submit").click();
  await page.getByText("There are no alerts yet.").waitFor();
});
