// The way through the whole dashboard, as everybody who may or may not take it; every figure is what the API says.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accessible,
  ask,
  askText,
  barsAre,
  cardsAre,
  clickLowestPart,
  exact,
  JUNE,
  JUNE_QUERY,
  keysAre,
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
import { serve } from "./server.mjs";

const lastPart = (page) => decodeURIComponent(new URL(page.url()).pathname.split("/").at(-1));

/** The page of one's own usage, with whatever project it begins at. */
async function mineIs(page, query) {
  const projectId = await page.getByTestId("mine").getAttribute("data-project");
  const mine = await ask(page, "/analytics/me", projectId === "~all" ? query : { ...query, projectId });
  await cardsAre(page, mine.summary);
  await rankingIs(page, "top-models", mine.topModels);
  await barsAre(page, mine.activity);
  return mine;
}

async function keyIs(page, query) {
  const key = await ask(page, `/analytics/keys/${lastPart(page)}`, query);
  await cardsAre(page, key.summary);
  await rankingIs(page, "cost-by-model", key.costByModel);
  await barsAre(page, key.activity);
  return key;
}

/** Where a bar of one day has led. */
function dayOf(page) {
  const { pathname, searchParams } = new URL(page.url());
  assert.equal(searchParams.get("from"), searchParams.get("to"), page.url());
  return { path: pathname, day: searchParams.get("from"), project: searchParams.get("project") };
}

test("an owner: organization → project bar → key → member → my usage", async (t) => {
  const page = await open(t, LINK);
  assert.equal(await page.getByTestId("nav-lock").count(), 0);
  await visit(page, `${NORTHWIND}/analytics?${JUNE}&by=project`, "analytics");
  const activity = await ask(page, "/analytics/activity", { ...JUNE_QUERY, groupBy: "project" });
  assert.equal(await exact(page, "card-cost"), activity.totals.cost);
  assert.equal(await exact(page, "card-requests"), activity.totals.requestCount);
  assert.equal(await exact(page, "card-tokens"), activity.totals.totalTokens);
  await rankingIs(page, "ranking", activity.ranking);
  await barsAre(page, activity.activity);

  const project = await clickLowestPart(page);
  await ready(page, "keys");
  const { day, ...rest } = dayOf(page);
  assert.deepEqual(rest, { path: `${NORTHWIND}/keys`, project });
  assert.match(day, /^2026-06-\d\d$/, "that project on that day");
  await visit(page, `${NORTHWIND}/keys?${JUNE}&project=${project}`, "keys");
  const { keys } = await ask(page, "/analytics/keys", JUNE_QUERY);
  await keysAre(page, keys.filter((key) => key.projectId === project));

  await page.getByTestId("list-row").first().getByTestId("list-link").click();
  await ready(page, "key");
  assert.ok(page.url().includes(`?${JUNE}`), page.url());
  const key = await keyIs(page, JUNE_QUERY);

  await page.getByTestId("key-creator").click();
  await ready(page, "member");
  assert.ok(page.url().includes(`/members/${key.apiKey.createdBy}?${JUNE}`), page.url());
  const member = await ask(page, `/analytics/members/${key.apiKey.createdBy}`, JUNE_QUERY);
  await cardsAre(page, member.summary);
  await rankingIs(page, "cost-by-model", member.costByModel);
  await rankingIs(page, "top-providers", member.topProviders);
  await rankingIs(page, "top-apps", member.topApps);
  await barsAre(page, member.activity);

  await page.getByTestId("keys-link").click();
  await ready(page, "keys");
  assert.equal(await page.getByTestId("chip").count(), 1);
  await page.getByTestId("chip").click();
  await page.waitForURL((url) => !url.search.includes("creator"));
  await page.goBack();
  await page.goBack();
  await ready(page, "member");
  await page.getByTestId("back-link").click();
  await ready(page, "members");
  assert.ok(page.url().endsWith(`/members?${JUNE}`), page.url());

  await page.getByTestId("nav-mine").first().click();
  await ready(page, "mine");
  assert.ok(page.url().includes(`/my-usage?${JUNE}`), page.url());
  await mineIs(page, JUNE_QUERY);
});

test("a model of a member or a key leads to that part of the analytics", async (t) => {
  const page = await open(t, LINK);
  for (const [path, where, filter] of [
    ["members/user_dmitri", "member", ["user", "userId", "user_dmitri"]],
    ["keys/key_prod_checkout-summaries", "key", ["apiKey", "apiKeyId", "key_prod_checkout-summaries"]],
  ]) {
    await visit(page, `${NORTHWIND}/${path}?${JUNE}`, where);
    const row = page.getByTestId("cost-by-model").getByTestId("ranking-row").first();
    const model = await row.getAttribute("data-key");
    const cost = await row.getAttribute("data-exact");
    await row.getByTestId("ranking-link").click();
    await ready(page, "analytics");
    const { searchParams } = new URL(page.url());
    assert.deepEqual([searchParams.get("model"), searchParams.get(filter[0]), searchParams.get("from")], [model, filter[2], "2026-06-01"]);
    const { totals } = await ask(page, "/analytics/activity", { ...JUNE_QUERY, model, [filter[1]]: filter[2] });
    assert.equal(totals.cost, cost, "the row and the analytics agree");
    assert.equal(await exact(page, "card-cost"), cost);
  }
});

test("a developer: told before clicking, then my usage → key → my keys", async (t) => {
  const page = await open(t, DEVELOPER_LINK, { landsOn: "mine" });
  await watch(page, ["needs-plan", "needs-role", "analytics", "members", "member"]);
  await visit(page, `${NORTHWIND}/my-usage?${JUNE}`, "mine");
  assert.equal(await page.getByTestId("nav-lock").count(), 3);
  assert.deepEqual(await seen(page), [], "nothing flashes by");
  await mineIs(page, JUNE_QUERY);

  for (const entry of ["nav-analytics", "nav-members"]) {
    await page.getByTestId(entry).click();
    await page.getByTestId("needs-role").waitFor();
    await page.reload();
    await page.getByTestId("needs-role").waitFor();
    assert.deepEqual(await seen(page), ["needs-role"], entry);
  }

  await page.getByTestId("nav-keys").click();
  await ready(page, "keys");
  assert.ok(page.url().includes(JUNE), page.url());
  const { keys } = await ask(page, "/analytics/keys", JUNE_QUERY);
  await keysAre(page, keys);
  await page.getByTestId("list-row").first().getByTestId("list-link").click();
  await ready(page, "key");
  await keyIs(page, JUNE_QUERY);
  assert.equal(await page.getByTestId("key-creator").count(), 0, "people's pages are not linked for developers");
  assert.equal(await page.getByTestId("ranking-link").count(), 0, "nor are the analytics");
  await page.getByTestId("key-project").click();
  await ready(page, "keys");
  await page.getByTestId("nav-mine").click();
  await ready(page, "mine");
  await mineIs(page, JUNE_QUERY);
});

/** The rows and the causes of the reconciliation, against the answer digit by digit. */
async function reconciliationIs(page, provider, groupBy) {
  const query = { provider, from: JUNE_QUERY.from, to: JUNE_QUERY.to, groupBy };
  const answer = await ask(page, "/analytics/reconciliation", query);
  for (const side of ["theirs", "ours", "gap"]) assert.equal(await exact(page, `card-${side}`), answer.totals.cost[side]);
  const shown = await rows(page, "reconciliation-table", "list-row");
  const expected = answer.rows.map((row) => [row.date ?? row.model ?? "~none", row.cost]);
  assert.deepEqual(shown, Object.fromEntries(expected));
  for (const [cause, amount] of Object.entries(answer.totals.cost)) {
    if (cause === "ours" || cause === "theirs") continue;
    const cell = page.getByTestId("causes-table").locator(`tr[data-key=${cause}] td:last-child`);
    assert.equal(await cell.getAttribute("data-exact"), amount, cause);
  }
  return answer;
}

test("the invoice of each provider stands beside what was counted", async (t) => {
  const page = await open(t, LINK);
  await page.getByTestId("nav-reconciliation").click();
  await ready(page, "reconciliation");
  await visit(page, `${NORTHWIND}/reconciliation?${JUNE}`, "reconciliation");
  const openai = await reconciliationIs(page, "openai", "model");
  assert.equal(openai.costDays, "30");
  // The bad day: what failed there was counted here with its tokens, and never by the provider.
  assert.ok(Number(openai.totals.requests.aborted) < 0 && Number(openai.totals.requests.missing) > 0);
  await page.getByTestId("rows-by-day").click();
  await ready(page, "reconciliation");
  assert.equal((await reconciliationIs(page, "openai", "day")).rows.length, 30);
  await page.getByTestId("provider-anthropic").click();
  await ready(page, "reconciliation");
  assert.equal((await reconciliationIs(page, "anthropic", "day")).totals.requests, null);
  const csv = await page.getByTestId("list-csv").getAttribute("href");
  const lines = (await askText(page, csv.split("?")[0], Object.fromEntries(new URLSearchParams(csv.split("?")[1])))).split("\r\n");
  assert.ok(lines[0].startsWith("date,model,apiKeyId,costOurs") && lines.length > 30, lines[0]);

  await visit(page, `${NORTHWIND}/reconciliation?from=2023-06-01&to=2023-06-30&tz=UTC&provider=anthropic`, "reconciliation");
  await page.getByTestId("nothing-imported").getByText("rollcall invoice pull --provider anthropic --organization northwind").waitFor();
});

test("a developer has no reconciliation", async (t) => {
  const page = await open(t, DEVELOPER_LINK, { landsOn: "mine" });
  await page.getByTestId("nav-reconciliation").getByTestId("nav-lock").waitFor();
  await page.goto(new URL(`${NORTHWIND}/reconciliation?${JUNE}`, LINK).href);
  await page.getByTestId("needs-role").waitFor();
});

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [LAPTOP, PHONE]) {
    test(`axe finds nothing on the reconciliation: ${colorScheme}, ${viewport.width} px`, async (t) => {
      const page = await open(t, LINK, { colorScheme, viewport });
      for (const days of [JUNE, "from=2023-06-01&to=2023-06-30&tz=UTC"]) {
        await visit(page, `${NORTHWIND}/reconciliation?${days}`, "reconciliation");
        await accessible(page, days);
        await withinWidth(page, days);
      }
    });
  }
}

/** Two people, two projects, three keys, and costs with as many digits as there are. */
async function acme(t, plan) {
  const server = await serve(t, ["--upgrade-text", "Ask Sales for Enterprise.", "--upgrade-url", "https://example.com/upgrade"]);
  await server.directory({
    organizations: [{ id: "acme", name: "Acme", plan, timezone: "Europe/Paris" }],
    projects: [
      { id: "search", organizationId: "acme", name: "Search" },
      { id: "chat", organizationId: "acme", name: "Chat" },
    ],
    users: [
      { id: "olga", name: "Olga", email: "olga@acme.example" },
      { id: "dave", name: "Dave", email: "dave@acme.example" },
    ],
    members: [
      { organizationId: "acme", userId: "olga", role: "owner" },
      { organizationId: "acme", userId: "dave", role: "developer", projectIds: ["search"] },
    ],
    apiKeys: [
      { id: "k-olga", organizationId: "acme", projectId: "search", description: "Olga's key", createdBy: "olga" },
      { id: "k-dave", organizationId: "acme", projectId: "search", description: "Dave's key", createdBy: "dave" },
      { id: "k-chat", organizationId: "acme", projectId: "chat", description: "Chat", createdBy: "olga" },
    ],
  });
  const calls = [
    ["search", "k-olga", "gpt-4o", "01", "1.000000000001"],
    ["search", "k-olga", "o3", "02", "0.1"],
    ["search", "k-dave", "gpt-4o", "02", "0.000000000009"],
    ["search", "k-dave", "gpt-4o-mini", "14", "7.25"],
    ["chat", "k-chat", "claude-sonnet-4-5", "29", "123.456789012345"],
  ];
  const { rejected } = await server.events(
    calls.map(([projectId, apiKeyId, usedModel, day, cost], i) => ({
      id: `call-${i}`,
      timestamp: `2026-06-${day}T12:00:00Z`,
      organizationId: "acme",
      projectId,
      apiKeyId,
      usedModel,
      usedProvider: "somebody",
      promptTokens: 1000 + i,
      completionTokens: 10 * i,
      hasError: i === 1,
      cost,
    })),
  );
  assert.deepEqual(rejected, []);
  return server;
}

const ACME = "/organizations/acme";
const ACME_QUERY = { organizationId: "acme", ...JUNE_QUERY };

for (const plan of ["free", "pro"]) {
  test(`an owner on ${plan}: upgrade card → key → my usage, and everything once the plan is Enterprise`, async (t) => {
    const server = await acme(t, plan);
    const page = await open(t, await server.linkOf("olga"), { landsOn: null });
    await page.getByTestId("needs-plan").waitFor();
    assert.equal(await page.getByTestId("nav-lock").count(), 4);

    await watch(page, ["needs-plan", "needs-role", "analytics", "members", "member"]);
    for (const path of ["analytics", "members", "members/olga"]) {
      await page.goto(new URL(`${ACME}/${path}?${JUNE}`, server.url).href);
      await page.getByText("Ask Sales for Enterprise.").waitFor();
      assert.equal(await page.getByTestId("upgrade-link").getAttribute("href"), "https://example.com/upgrade");
      assert.deepEqual(await seen(page), ["needs-plan"], path);
    }

    await page.getByTestId("nav-keys").click();
    await ready(page, "keys");
    const { keys } = await ask(page, "/analytics/keys", ACME_QUERY);
    assert.equal(keys.length, 3);
    await keysAre(page, keys);
    await page.getByTestId("list-row").first().getByTestId("list-link").click();
    await ready(page, "key");
    assert.equal(lastPart(page), "k-chat");
    const key = await keyIs(page, ACME_QUERY);
    assert.equal(key.summary.cost, "123.456789012345");
    assert.equal(await page.getByTestId("key-creator").count(), 0, "members are part of Enterprise");
    assert.equal(await page.getByTestId("ranking-link").count(), 0, "so are the analytics");
    await page.getByTestId("nav-mine").click();
    await ready(page, "mine");
    await mineIs(page, ACME_QUERY);

    await server.directory({ organizations: [{ id: "acme", name: "Acme", plan: "enterprise", timezone: "Europe/Paris" }] });
    await visit(page, `${ACME}/analytics?${JUNE}&by=project`, "analytics");
    assert.equal(await page.getByTestId("nav-lock").count(), 0);
    assert.equal(await exact(page, "card-cost"), "131.806789012355");
    await page.getByTestId("ranking-link").first().click();
    await ready(page, "keys");
    assert.ok(page.url().endsWith(`/keys?${JUNE}&project=chat`), page.url());
    await visit(page, `${ACME}/members/dave?${JUNE}`, "member");
    await cardsAre(page, (await ask(page, "/analytics/members/dave", ACME_QUERY)).summary);
  });
}

/** What a reader sees on the cards, and not only what is written beside it. */
async function headlinesAre(page, { cost, requestCount, totalTokens }) {
  const money = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
  const count = new Intl.NumberFormat("en-US");
  const shown = (card) => page.getByTestId(`card-${card}`).locator("[data-exact]").innerText();
  assert.deepEqual(
    [await shown("cost"), await shown("requests"), await shown("tokens")],
    [money.format(cost), count.format(requestCount), count.format(totalTokens)],
  );
}

async function analyticsIs(page, query) {
  const { totals, ranking } = await ask(page, "/analytics/activity", { ...query, groupBy: "project" });
  assert.equal(await exact(page, "card-cost"), totals.cost);
  await headlinesAre(page, totals);
  await rankingIs(page, "ranking", ranking);
}

async function membersAre(page, query) {
  const { members, totals } = await ask(page, "/analytics/members", query);
  const figures = (one) => ({
    cost: one.cost,
    tokens: one.totalTokens,
    requests: one.requestCount,
    errorRate: one.errorCount,
  });
  const shown = await rows(page, "members-table", "list-row");
  assert.equal(Object.keys(shown).length, members.length);
  for (const one of members) {
    assert.deepEqual(shown[one.userId], { ...figures(one), keys: one.apiKeyCount }, one.userId);
  }
  const foot = page.getByTestId("list-foot");
  for (const [field, figure] of Object.entries(figures(totals))) {
    assert.equal(await foot.locator(`[data-field=${field}]`).getAttribute("data-exact"), figure, field);
  }
}

async function memberIs(page, query) {
  const member = await ask(page, `/analytics/members/${lastPart(page)}`, query);
  await cardsAre(page, member.summary);
  await headlinesAre(page, member.summary);
  await rankingIs(page, "cost-by-model", member.costByModel);
}

const theKeys = async (page, query) => keysAre(page, (await ask(page, "/analytics/keys", query)).keys);
const theKey = async (page, query) => headlinesAre(page, (await keyIs(page, query)).summary);
const mine = async (page, query) => headlinesAre(page, (await mineIs(page, query)).summary);

const OPEN = [
  ["analytics", "analytics", analyticsIs],
  ["members", "members", membersAre],
  ["members/dave", "member", memberIs],
];
const KEYS = [
  ["keys", "keys", theKeys],
  ["keys/k-dave", "key", theKey],
];
const MINE = ["my-usage", "mine", mine];
const closed = (why) => OPEN.map(([path]) => [path, why]);
const ROLES = [
  ["an owner on Enterprise", "enterprise", "olga", [...OPEN, ...KEYS, MINE]],
  ["an owner on Free", "free", "olga", [...closed("needs-plan"), ...KEYS, MINE]],
  ["a developer", "enterprise", "dave", [...closed("needs-role"), ...KEYS, MINE]],
  ["an operator", "free", null, [...OPEN, ...KEYS]],
];

test("every page as every role, in both themes, wide and narrow: the figures are the API's", async (t) => {
  const servers = { enterprise: await acme(t, "enterprise"), free: await acme(t, "free") };
  for (const [role, plan, user, pages] of ROLES) {
    await t.test(role, async (t) => {
      const server = servers[plan];
      const page = await open(t, user === null ? server.operatorLink : await server.linkOf(user), { landsOn: null });
      await page.getByTestId("as-of").or(page.getByTestId("needs-plan")).waitFor();
      for (const [path, where, figuresAre] of pages) {
        await page.goto(new URL(`${ACME}/${path}?${JUNE}&by=project`, server.url).href);
        for (const [colorScheme, viewport] of [["light", LAPTOP], ["dark", LAPTOP], ["dark", PHONE], ["light", PHONE]]) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize(viewport);
          if (figuresAre) {
            await ready(page, where);
            await figuresAre(page, ACME_QUERY);
          } else {
            await page.getByTestId(where).waitFor();
          }
          await withinWidth(page, path);
        }
      }
    });
  }
});

test("a developer on another plan is told about their role, not about the plan", async (t) => {
  const server = await acme(t, "free");
  const page = await open(t, await server.linkOf("dave"), { landsOn: "mine" });
  await watch(page, ["needs-plan", "needs-role", "analytics", "members", "member"]);
  for (const path of ["analytics", "members", "members/dave"]) {
    await page.goto(new URL(`${ACME}/${path}?${JUNE}`, server.url).href);
    await page.getByTestId("needs-role").waitFor();
    assert.deepEqual(await seen(page), ["needs-role"], path);
    assert.equal(await page.getByTestId("upgrade-link").count(), 0);
  }
  await page.getByTestId("nav-keys").click();
  await ready(page, "keys");
  assert.deepEqual(Object.keys(await rows(page, "keys-table", "list-row")), ["k-dave"]);
  await page.getByTestId("list-row").getByTestId("list-link").click();
  await ready(page, "key");
  await keyIs(page, ACME_QUERY);
  await page.getByTestId("nav-mine").click();
  await ready(page, "mine");
  assert.equal((await mineIs(page, ACME_QUERY)).summary.cost, "7.250000000009");
});

test("an operator sees the organization whatever its plan, and has no usage of their own", async (t) => {
  const server = await acme(t, "free");
  const page = await open(t, server.operatorLink);
  assert.equal(await page.getByTestId("nav-lock").count(), 0);
  assert.equal(await page.getByTestId("nav-mine").count(), 0);
  await visit(page, `${ACME}/members?${JUNE}`, "members");
});

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [LAPTOP, PHONE]) {
    test(`axe finds nothing where a plan is missing: ${colorScheme}, ${viewport.width} px`, async (t) => {
      const server = await acme(t, "free");
      const page = await open(t, await server.linkOf("olga"), { landsOn: null, colorScheme, viewport });
      await page.getByTestId("upgrade-link").waitFor();
      await accessible(page, "the upgrade card");
      await withinWidth(page, "the upgrade card");
      if (viewport !== PHONE) return;
      await page.getByRole("button", { name: "Open menu" }).click();
      const drawer = page.getByRole("dialog");
      await drawer.getByTestId("nav-lock").first().waitFor();
      await accessible(page, "the drawer");
      await drawer.getByTestId("nav-keys").click();
      await ready(page, "keys");
      await drawer.waitFor({ state: "detached" });
    });
  }
}
