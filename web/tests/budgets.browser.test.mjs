// What may be used, for whoever runs an organization and for whoever uses it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, LAPTOP, open, PHONE, ready, withinWidth } from "./browser.mjs";
import { serve } from "./server.mjs";

async function acme(t) {
  const server = await serve(t);
  await server.directory({
    organizations: [{ id: "acme", name: "Acme" }],
    members: [
      { organizationId: "acme", userId: "ada", role: "owner" },
      { organizationId: "acme", userId: "dev", role: "developer" },
    ],
    apiKeys: [{ id: "k1", organizationId: "acme", projectId: "web", createdBy: "dev" }],
  });
  await server.events([
    {
      id: "call-1",
      timestamp: "2026-06-01T10:00:00Z",
      organizationId: "acme",
      projectId: "web",
      apiKeyId: "k1",
      usedModel: "openai/gpt-4o",
      cost: "12.5",
    },
  ]);
  return server;
}

test("an owner sets a limit, changes it and takes it away", async (t) => {
  const server = await acme(t);
  // One change is refused on purpose.
  const page = await open(t, await server.linkOf("ada"), { mayRefuse: true });
  await page.getByTestId("nav-budgets").click();
  await ready(page, "budgets");
  await page.getByText("There are no budgets yet.").waitFor();
  await page.getByRole("button", { name: "Add a budget" }).click();
  await page.getByTestId("field-id").fill("each");
  await page.getByTestId("field-kind").selectOption("eachMember");
  await page.getByTestId("field-amount").fill("50.25");
  await page.getByTestId("field-window").selectOption("total");
  await page.getByTestId("dialog-submit").click();
  const row = page.locator("[data-testid=entry-row][data-key=each]");
  await row.waitFor();
  assert.match(await row.innerText(), /Each member/);
  assert.match(await row.getByTestId("budget-bar").innerText(), /\$12\.50 of \$100\.50/, "of two members");
  const [budget] = (await server.get("/v1/budgets?organizationId=acme")).budgets;
  assert.deepEqual([budget.limit, budget.window, budget.spent], [{ cost: 50.25 }, "total", 12.5]);

  await row.getByTestId("edit").click();
  await page.getByTestId("field-amount").fill("-3");
  await page.getByTestId("dialog-submit").click();
  await page.getByText("limit.cost is").waitFor();
  await page.getByTestId("field-amount").fill("6.25");
  await page.getByTestId("dialog-submit").click();
  await page.getByText("$12.50 of $12.50").waitFor();
  assert.equal(await row.getByTestId("budget-done").innerText(), "1 of 2 have nothing left: dev", "who, and of how many");
  for (const [viewport, colorScheme] of [[LAPTOP, "light"], [PHONE, "dark"]]) {
    const other = await open(t, await server.linkOf("ada"), { viewport, colorScheme });
    await other.goto(new URL("/organizations/acme/budgets", server.url).href);
    await ready(other, "budgets");
    await accessible(other, `budgets, ${colorScheme}`);
    await withinWidth(other, "budgets");
    const [bar, edit] = [await other.getByTestId("budget-bar").boundingBox(), await other.getByTestId("edit").boundingBox()];
    assert.ok(bar.width >= 120 && bar.x + bar.width <= edit.x, `a bar that can be read: ${JSON.stringify([bar, edit])}`);
  }
  await row.getByTestId("delete").click();
  await page.getByTestId("dialog-submit").click();
  await page.getByText("There are no budgets yet.").waitFor();
});

test("a developer sees what is left to them, and no more", async (t) => {
  const server = await acme(t);
  await server.put("/v1/budgets", {
    budgets: [
      { id: "each", organizationId: "acme", scope: { kind: "member" }, limit: { cost: 20 }, window: "total" },
      { id: "all", organizationId: "acme", scope: { kind: "organization" }, limit: { cost: 99 }, window: "total" },
    ],
  });
  const page = await open(t, await server.linkOf("dev"), { landsOn: "mine" });
  await page.getByText("$12.50 of $20.00").waitFor();
  assert.equal(await page.getByTestId("own-budget").count(), 1);
  await accessible(page, "own budgets");
  assert.equal(await page.getByTestId("nav-budgets").count(), 0);
});

test("what is expected stands on the bar with how far off that was, and refused calls below with why", async (t) => {
  const server = await acme(t);
  const call = { organizationId: "acme", projectId: "web", apiKeyId: "k1", usedModel: "openai/gpt-4o", cost: "2" };
  const day = (number) => new Date(Date.now() - number * 86_400_000).toISOString();
  await server.events(Array.from({ length: 60 }, (_, number) => ({ ...call, id: `d${number}`, timestamp: day(number) })));
  const scope = { kind: "organization" };
  const budget = { organizationId: "acme", scope, timezone: "UTC" };
  await server.put("/v1/budgets", {
    budgets: [
      { ...budget, id: "wide", limit: { cost: 1000 }, window: "day" },
      { ...budget, id: "near", limit: { requests: 1 }, window: "total" },
      { id: "devs", organizationId: "acme", scope: { kind: "member", id: "dev" }, limit: { cost: 500 }, window: "total" },
    ],
  });
  const asked = { organizationId: "acme", apiKeyId: "k1", model: "openai/gpt-4o", estimatedCost: 1 };
  for (const callId of ["a", "b"]) await server.post("/v1/decisions", { ...asked, callId });
  await server.events([{ ...call, id: "cut", timestamp: day(0), cost: "0", finishReason: "content_filter" }]);

  for (const [viewport, colorScheme] of [[LAPTOP, "light"], [PHONE, "dark"]]) {
    const page = await open(t, await server.linkOf("ada"), { viewport, colorScheme });
    await page.goto(new URL("/organizations/acme/budgets", server.url).href);
    await ready(page, "budgets");
    const keys = await page.getByTestId("budgets-table").getByTestId("entry-row").evaluateAll((rows) => rows.map((row) => row.dataset.key));
    assert.deepEqual(keys, ["near", "devs", "wide"], "those nearest their limit first");
    const wide = page.locator("[data-testid=entry-row][data-key=wide]");
    assert.equal(await wide.getByTestId("budget-forecast").innerText(), "$2.00 expected · off by 0% in the last 14 days");
    const refused = page.getByTestId("decisions-table").getByTestId("entry-row");
    await refused.waitFor();
    assert.match(await refused.innerText(), /dev[^]*budget 'near' allows the organization 1 request in all/);
    if (viewport === LAPTOP) assert.match(await refused.innerText(), /Refused · 2 times/);
    const counts = page.getByTestId("counts-table").getByTestId("entry-row");
    await counts.first().waitFor();
    const told = await counts.allInnerTexts();
    assert.match(told[0], /near[^]*Budget[^]*2/);
    assert.match(told[1], /content_filter[^]*Content filter[^]*1/);
    await accessible(page, `budgets with what is expected, ${colorScheme}`);
    await withinWidth(page, "budgets with what is expected");
  }
  const member = await open(t, await server.linkOf("ada"));
  await member.goto(new URL("/organizations/acme/members/dev", server.url).href);
  await ready(member, "member");
  assert.match(await member.getByTestId("own-budget").innerText(), /In all · \$367\.50 left[^]*\$132\.50 of \$500\.00/);
  await accessible(member, "a member's budget");
});
