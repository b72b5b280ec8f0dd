// People and keys: every figure is what the API says, every page leads to the next, everyone sees what they may.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accessible,
  ask,
  askText,
  cardsAre,
  JUNE,
  JUNE_QUERY,
  LAPTOP,
  NORTHWIND,
  open,
  PHONE,
  rankingIs,
  ready,
  rows,
  seen,
  visit,
  watch,
  withinWidth,
} from "./browser.mjs";
import { DEVELOPER_LINK, LINK } from "./demo.mjs";


test("the rows and legend entries of the analytics page lead on", async (t) => {
  const page = await open(t, LINK);
  for (const [by, where] of [["apiKey", "key"], ["user", "member"], ["project", "keys"]]) {
    await visit(page, `${NORTHWIND}/analytics?${JUNE}&by=${by}`, "analytics");
    await page.getByTestId("ranking-link").first().click();
    await ready(page, where);
    assert.ok(page.url().includes(JUNE), page.url());
    await page.goBack();
    await ready(page, "analytics");
    await page.getByTestId("legend-link").nth(1).click();
    await ready(page, where);
    assert.ok(page.url().includes(JUNE), page.url());
  }
  await visit(page, `${NORTHWIND}/analytics?${JUNE}&by=model`, "analytics");
  assert.equal(await page.getByTestId("ranking-link").count(), 0, "a model has no page");
});

test("the members table adds up to the organization", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${NORTHWIND}/members?${JUNE}`, "members");
  const answer = await ask(page, "/analytics/members", JUNE_QUERY);
  const activity = await ask(page, "/analytics/activity", JUNE_QUERY);

  const shown = await rows(page, "members-table", "list-row");
  assert.equal(Object.keys(shown).length, answer.members.length);
  for (const one of answer.members) {
    assert.deepEqual(
      shown[one.userId ?? "~unattributed"],
      {
        cost: one.cost,
        tokens: one.totalTokens,
        requests: one.requestCount,
        errorRate: one.errorCount,
        keys: one.apiKeyCount,
      },
      one.userId,
    );
  }
  const foot = await page.getByTestId("list-foot").evaluate((row) =>
    Object.fromEntries([...row.querySelectorAll("[data-exact]:not([data-field=before])")].map((cell) => [cell.dataset.field, cell.dataset.exact])),
  );
  const { totals } = activity;
  assert.deepEqual(foot, {
    cost: totals.cost,
    tokens: totals.totalTokens,
    requests: totals.requestCount,
    errorRate: totals.errorCount,
  });

  await page.getByTestId("sort-member").click();
  await page.waitForURL(/sort=member/);
  const first = await page.getByTestId("list-row").first().getAttribute("data-key");
  assert.equal(first, "user_ada");
  await page.getByTestId("list-search").fill("dmitri dev");
  await page.waitForURL(/q=dmitri/);
  assert.equal(await page.getByTestId("list-row").count(), 1);
  await page.reload();
  await ready(page, "members");
  assert.equal(await page.getByTestId("list-row").count(), 1);

  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("list-csv").click()]);
  const csv = await askText(page, "/analytics/members", { ...JUNE_QUERY, format: "csv" });
  assert.equal(await textOf(download), csv);
  assert.equal(csv.trim().split("\n").length, answer.members.length + 1);
});

async function textOf(download) {
  const parts = [];
  for await (const part of await download.createReadStream()) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

test("a developer begins at their own usage and is told before clicking what is closed", async (t) => {
  const page = await open(t, DEVELOPER_LINK, { landsOn: "mine" });
  assert.equal(await page.getByTestId("nav-lock").count(), 3);

  await visit(page, `${NORTHWIND}/my-usage?${JUNE}`, "mine");
  assert.equal(await page.getByTestId("mine").getAttribute("data-project"), "~all");
  const mine = await ask(page, "/analytics/me", JUNE_QUERY);
  await cardsAre(page, mine.summary);
  await rankingIs(page, "top-models", mine.topModels);

  const projects = (await ask(page, "/v1/projects", {})).projects;
  const another = projects[0];
  await page.getByTestId("project-choice").selectOption(another.id);
  await page.waitForURL((url) => url.search.includes(`project=${another.id}`));
  await page.locator(`[data-testid=mine][data-project=${another.id}][data-busy=false]`).waitFor();
  await cardsAre(page, (await ask(page, "/analytics/me", { ...JUNE_QUERY, projectId: another.id })).summary);
  await page.goBack();
  await page.locator(`[data-testid=mine][data-project="~all"][data-busy=false]`).waitFor();

  await page.getByTestId("own-key").first().getByTestId("list-link").click();
  await ready(page, "key");
  assert.equal(await page.getByTestId("key-creator").count(), 0, "people's pages are not linked for developers");
  await page.getByTestId("back-link").click();
  await ready(page, "keys");
  const keys = (await ask(page, "/analytics/keys", JUNE_QUERY)).keys;
  assert.equal(await page.getByTestId("list-row").count(), keys.length);
  assert.ok(keys.every((key) => key.createdBy === "user_dmitri"));

  for (const path of ["analytics", "members", "members/user_ada"]) {
    await page.goto(new URL(`${NORTHWIND}/${path}`, page.url()).href);
    await page.getByTestId("needs-role").waitFor();
  }
});

test("somebody else's key is refused in words", async (t) => {
  const owner = await open(t, LINK);
  const { keys } = await ask(owner, "/analytics/keys", JUNE_QUERY);
  const foreign = keys.find((key) => key.createdBy !== "user_dmitri");
  const page = await open(t, DEVELOPER_LINK, { landsOn: "mine", mayRefuse: true });
  await page.goto(new URL(`${NORTHWIND}/keys/${foreign.id}?${JUNE}`, page.url()).href);
  await page.getByTestId("notice").waitFor();
  await accessible(page, "a key of somebody else");
});

test("an organization on another plan sees what it would get, and what it has", async (t) => {
  const page = await open(t, LINK);
  await page.route("**/v1/session", async (route) => {
    const answer = await route.fetch();
    const me = await answer.json();
    for (const organization of me.organizations) organization.plan = "free";
    await route.fulfill({ response: answer, json: me });
  });
  await watch(page, ["needs-plan", "needs-role", "analytics", "members", "member"]);
  for (const path of ["analytics", "members", "members/user_ada"]) {
    await page.goto(new URL(`${NORTHWIND}/${path}?${JUNE}`, page.url()).href);
    await page.getByRole("heading", { name: "Analytics are part of Enterprise" }).waitFor();
    assert.equal(await page.getByTestId("upgrade-link").count(), 0, "this server has no link to show");
    assert.deepEqual(await seen(page), ["needs-plan"], path);
  }
  assert.equal(await page.getByTestId("nav-lock").count(), 4);
  await accessible(page, "the upgrade card");
  await visit(page, `${NORTHWIND}/keys?${JUNE}`, "keys");
  assert.ok((await page.getByTestId("list-row").count()) > 0);
  await visit(page, `${NORTHWIND}/my-usage?${JUNE}`, "mine");
});

test("signing in leads where one wanted to go", async (t) => {
  const page = await open(t, null);
  await page.goto(new URL(`${NORTHWIND}/members/user_dmitri?${JUNE}`, LINK).href);
  await page.getByTestId("signin-token").waitFor();
  await page.goto(LINK);
  await ready(page, "member");
  assert.ok(page.url().endsWith(`/members/user_dmitri?${JUNE}`), page.url());
});

test("the reference is readable without signing in, and lists every route", async (t) => {
  const page = await open(t, null);
  await page.goto(new URL("/reference", LINK).href);
  await ready(page, "reference");
  const description = await page.evaluate(async () => (await fetch("/openapi.json")).json());
  const routes = Object.values(description.paths).flatMap((methods) => Object.keys(methods));
  assert.equal(await page.getByTestId("operation").count(), routes.length);
  await page.locator("#get-analytics-members summary").first().click();
  await page.waitForURL(/#get-analytics-members$/);
  await page.getByText("apiKeyCount").first().or(page.getByText("MemberEntry[]")).first().waitFor();
  await accessible(page, "reference");
  await page.getByTestId("nav-signin").click();
  await page.getByTestId("signin-token").waitFor();
});

const pages = [
  ["members", `members?${JUNE}`],
  ["members", `members?${JUNE}&q=nobody-by-this-name`],
  ["member", `members/user_dmitri?${JUNE}`],
  ["member", "members/user_dmitri?from=2020-01-01&to=2020-01-05&tz=UTC"],
  ["keys", `keys?${JUNE}`],
  ["keys", `keys?${JUNE}&project=proj_tools`],
  ["key", `keys/key_prod_checkout-summaries?${JUNE}`],
  ["key", `keys/key_prod_checkout-summaries?${JUNE}&chart=table`],
  ["mine", `my-usage?${JUNE}`],
];

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [LAPTOP, PHONE]) {
    test(`axe finds nothing on the pages of people and keys: ${colorScheme}, ${viewport.width} px`, async (t) => {
      const page = await open(t, LINK, { colorScheme, viewport, mayRefuse: true });
      for (const [testId, path] of pages) {
        await visit(page, `${NORTHWIND}/${path}`, testId);
        await accessible(page, path);
        await withinWidth(page, path);
      }
      await page.goto(new URL(`${NORTHWIND}/members/nobody?${JUNE}`, LINK).href);
      await page.getByTestId("notice").waitFor();
      await accessible(page, "an unknown member");
      await page.goto(new URL("/reference#get-analytics-activity", LINK).href);
      await ready(page, "reference");
      await accessible(page, "reference");
      await withinWidth(page, "reference");

      const developer = await open(t, DEVELOPER_LINK, { colorScheme, viewport, landsOn: "mine" });
      await accessible(developer, "a developer's own usage");
      await withinWidth(developer, "a developer's own usage");
      await developer.goto(new URL(`${NORTHWIND}/members`, LINK).href);
      await developer.getByTestId("needs-role").waitFor();
      await accessible(developer, "admins only");
      await withinWidth(developer, "admins only");
    });
  }
}
