// One pivot and two, filters set by clicking what one sees, and the window before: figures against the API's.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accessible,
  ask,
  askText,
  barsAre,
  chartColumn,
  clickLowestPart,
  exact,
  JUNE,
  JUNE_QUERY,
  LAPTOP,
  NORTHWIND,
  open,
  PHONE,
  ready,
  rows,
  visit,
  withinWidth,
} from "./browser.mjs";
import { LINK } from "./demo.mjs";
import { serve } from "./server.mjs";

const ANALYTICS = `${NORTHWIND}/analytics`;

/** As the dashboard names an entry in its address. */
function idOf({ key, label, keys = [key], labels = [label] }) {
  const ids = keys.map((key, i) => key ?? `~${labels[i].toLowerCase()}`);
  if (keys.length === 1) return ids[0];
  return labels.every((label) => label === "Other") ? "~other" : ids.map(encodeURIComponent).join(" ");
}

/** Ranking, bars and cards, against the answer to the question they should be about. */
async function agrees(page, query) {
  const answer = await ask(page, "/analytics/activity", { ...query, top: 9 });
  const expected = answer.ranking.map((one) => [
    idOf(one),
    { cost: one.cost, requests: one.requestCount, tokens: one.totalTokens },
  ]);
  assert.deepEqual(await rows(page, "ranking", "ranking-row"), Object.fromEntries(expected));
  assert.equal(await exact(page, "card-cost"), answer.totals.cost);
  for (const one of answer.ranking.slice(0, 3)) {
    const days = answer.activity.map((day) => day.breakdown.find((part) => idOf(part) === idOf(one)));
    assert.deepEqual(await chartColumn(page, idOf(one)), days.map((part) => Number(part?.cost ?? 0)), idOf(one));
  }
  await barsAre(page, answer.activity);
  return answer;
}

const filtersOf = (page, names = ["project", "model", "apiKey", "user", "provider", "source"]) => {
  const { searchParams } = new URL(page.url());
  return Object.fromEntries(names.flatMap((name) => (searchParams.has(name) ? [[name, searchParams.getAll(name)]] : [])));
};

test("a second pivot makes pairs of everything, and choosing nothing takes it back", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${ANALYTICS}?${JUNE}&by=project`, "analytics");
  await page.getByTestId("then-by").selectOption("model");
  await page.waitForURL(/by=project&then=model/);
  await ready(page);
  const answer = await agrees(page, { ...JUNE_QUERY, groupBy: "project,model" });
  assert.equal(answer.groupBy, "project,model");
  const names = answer.ranking.filter(({ keys }) => keys[0] !== null).map(({ labels }) => labels.join(" · "));
  assert.deepEqual(await page.getByTestId("legend-filter").allInnerTexts(), names);

  // The tooltip says the same as the answer's middle day, largest first.
  const chart = page.locator(".chart[data-drawn=true]");
  await chart.focus();
  await page.keyboard.press("Home");
  const parts = await page.locator(".tooltip dt").allInnerTexts();
  const first = answer.activity[0].breakdown.filter(({ keys }) => keys[0] !== null);
  first.sort((a, b) => Number(b.cost) - Number(a.cost));
  assert.ok(parts.includes(first[0].labels.join(" · ")), parts.join());

  await page.getByTestId("download-button").click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("download-csv").click()]);
  const csv = [];
  for await (const part of await download.createReadStream()) csv.push(part);
  const text = Buffer.concat(csv).toString("utf8");
  assert.equal(text, await askText(page, "/analytics/activity", { ...JUNE_QUERY, groupBy: "project,model", format: "csv" }));
  assert.match(text, /^date,key,label,key2,label2,/);

  await page.getByTestId("ranking-all").click();
  await page.locator("[data-testid=ranking][data-all=true]").waitFor();
  const whole = await ask(page, "/analytics/activity", { ...JUNE_QUERY, groupBy: "project,model" });
  assert.equal(await page.getByTestId("ranking-row").count(), whole.ranking.length);

  await page.reload();
  await ready(page);
  assert.equal(await page.getByTestId("then-by").inputValue(), "model");
  // The second pivot chosen as the first turns the pairs around.
  await page.getByTestId("groupby-model").click();
  await page.waitForURL(/by=model&then=project/);
  await ready(page);
  await agrees(page, { ...JUNE_QUERY, groupBy: "model,project" });

  await page.getByTestId("then-by").selectOption({ label: "Nothing else" });
  await page.waitForURL((url) => !url.searchParams.has("then"));
  await page.goBack();
  await page.waitForURL(/by=model&then=project/);
  await page.goForward();
  await page.waitForURL((url) => !url.searchParams.has("then"));
  await ready(page);
  await agrees(page, { ...JUNE_QUERY, groupBy: "model" });
});

test("pairs of all kinds add up, those without an id as well", async (t) => {
  const page = await open(t, LINK);
  for (const [by, then] of [["user", "source"], ["apiKey", "user"], ["provider", "model"]]) {
    await visit(page, `${ANALYTICS}?${JUNE}&by=${by}&then=${then}`, "analytics");
    await agrees(page, { ...JUNE_QUERY, groupBy: `${by},${then}` });
  }
});

test("a click on a pair narrows to both of its halves, a second one lifts them", async (t) => {
  const page = await open(t, LINK);
  const pairs = `${ANALYTICS}?${JUNE}&by=project&then=model`;
  const whole = async () => {
    await page.waitForURL((url) => Object.keys(filtersOf({ url: () => url.href })).length === 0);
    await ready(page);
  };
  await visit(page, pairs, "analytics");
  const pair = await clickLowestPart(page);
  await page.getByTestId("chip").nth(1).waitFor();
  await ready(page);
  const [project, model] = pair.split(" ").map(decodeURIComponent);
  assert.deepEqual(filtersOf(page), { project: [project], model: [model] });
  assert.equal(await page.getByTestId("chip").count(), 2);
  // That pair, on that day.
  const [from, to] = ["from", "to"].map((end) => new URL(page.url()).searchParams.get(end));
  assert.equal(from, to);
  await agrees(page, { from, to, timezone: "UTC", granularity: "hour", groupBy: "project,model", projectId: project, model });
  await clickLowestPart(page);
  await whole();
  await visit(page, pairs, "analytics");

  const entry = page.getByTestId("legend-filter").nth(1);
  await entry.click();
  await page.getByTestId("chip").nth(1).waitFor();
  await ready(page);
  assert.equal(await page.getByTestId("legend-filter").getAttribute("aria-pressed"), "true");
  await page.getByTestId("legend-filter").click();
  await whole();

  await page.getByTestId("ranking-row").nth(2).locator(".ranking-share").click();
  await page.getByTestId("chip").nth(1).waitFor();
  await ready(page);
  assert.equal(await page.getByTestId("ranking-row").count(), 1);
  await page.getByTestId("ranking-row").locator(".ranking-share").click();
  await whole();

  // Half of a pair leads its own way: a model narrows, a project has its keys.
  const half = page.getByTestId("ranking-row").first().getByTestId("ranking-half");
  await half.click();
  await page.getByTestId("chip").waitFor();
  assert.deepEqual(Object.keys(filtersOf(page)), ["model"]);
  await page.getByTestId("chip").click();
  await whole();
  await page.getByTestId("ranking-link").first().click();
  await ready(page, "keys");
  assert.ok(page.url().includes(`${JUNE}&project=`), page.url());
});

const PARAMETERS = { project: "projectId", model: "model", apiKey: "apiKeyId", user: "userId", provider: "provider", source: "source" };

test("every kind of filter is set by bar, legend entry and ranking row, and lifted there or on its chip", async (t) => {
  const page = await open(t, LINK);
  for (const [by, parameter] of Object.entries(PARAMETERS)) {
    // Members, keys and projects have pages, to which a plain click on them leads.
    const paged = ["project", "apiKey", "user"].includes(by);
    await visit(page, `${ANALYTICS}?${JUNE}&by=${by}`, "analytics");
    const lifted = async () => {
      await page.waitForURL((url) => !url.searchParams.has(by));
      await ready(page);
    };
    const set = async (id) => {
      await page.waitForURL((url) => url.searchParams.get(by) === id);
      await ready(page);
      const { totals } = await ask(page, "/analytics/activity", { ...JUNE_QUERY, [parameter]: id });
      assert.equal(await exact(page, "card-cost"), totals.cost, `${by}=${id}`);
    };

    const id = await clickLowestPart(page, { shift: paged });
    await page.waitForURL((url) => url.searchParams.get(by) === id);
    await ready(page);
    const [from, to] = ["from", "to"].map((end) => new URL(page.url()).searchParams.get(end));
    assert.equal(from, to, "that thing on that day");
    const { totals } = await ask(page, "/analytics/activity", { from, to, timezone: "UTC", [parameter]: id });
    assert.equal(await exact(page, "card-cost"), totals.cost, `${by}=${id} on ${from}`);
    await clickLowestPart(page, { shift: paged });
    await lifted();
    await visit(page, `${ANALYTICS}?${JUNE}&by=${by}`, "analytics");

    const second = await page.getByTestId("ranking-row").nth(1).getAttribute("data-key");
    await page.getByTestId("legend-filter").nth(1).click();
    await set(second);
    await page.getByTestId("legend-filter").click();
    await lifted();

    const third = page.getByTestId("ranking-row").nth(2);
    const thirdId = await third.getAttribute("data-key");
    if (paged) await third.getByTestId("filter-entry").click();
    else await third.locator(".ranking-share").click();
    await set(thirdId);
    await page.getByTestId("filter-entry").click();
    await lifted();

    await page.getByTestId("filter-entry").first().click();
    await page.getByTestId("chip").click();
    await lifted();
  }
});

test("filters that nothing fits say so and can be cleared", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${ANALYTICS}?${JUNE}&by=model&model=nothing-by-this-name`, "analytics");
  await page.getByTestId("empty-clear").click();
  await page.waitForURL((url) => !url.searchParams.has("model"));
});

test("only what the window allows can be chosen as granularity", async (t) => {
  const page = await open(t, LINK);
  const grains = async (window) => {
    await visit(page, `${ANALYTICS}?${window}&tz=UTC`, "analytics");
    const found = [];
    for (const grain of ["hour", "day", "week", "month"]) {
      if (await page.getByTestId(`granularity-${grain}`).count()) found.push(grain);
    }
    return found;
  };
  // One choice is none.
  assert.deepEqual(await grains("from=2026-06-01&to=2026-06-01"), []);
  assert.deepEqual(await grains("from=2026-06-01&to=2026-06-07"), ["hour", "day"]);
  assert.deepEqual(await grains("from=2026-05-01&to=2026-05-31"), ["hour", "day", "week"]);
  assert.deepEqual(await grains("from=2026-05-01&to=2026-06-30"), ["day", "week", "month"]);

  await visit(page, `${ANALYTICS}?from=2026-05-01&to=2026-05-31&tz=Europe/Berlin`, "analytics");
  for (const granularity of ["hour", "week"]) {
    await page.getByTestId(`granularity-${granularity}`).click();
    await page.waitForURL(new RegExp(`per=${granularity}`));
    await ready(page);
    const query = { from: "2026-05-01", to: "2026-05-31", timezone: "Europe/Berlin", granularity };
    await barsAre(page, (await ask(page, "/analytics/activity", query)).activity);
  }
});

test("cards and chart are set against the window before", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${ANALYTICS}?${JUNE}&by=model`, "analytics");
  const before = await ask(page, "/analytics/activity", {
    from: "2026-05-01",
    to: "2026-05-31",
    timezone: "UTC",
    groupBy: "none",
  });
  const { previous } = await ask(page, "/analytics/activity", { ...JUNE_QUERY, compare: "previousMonth" });
  assert.equal(before.totals.cost, previous.totals.cost);
  // June has no 31st.
  const days = before.activity.slice(0, 30).map((day) => Number(day.cost));
  assert.deepEqual(await chartColumn(page, "before"), days);
  const title = await page.getByTestId("card-cost").locator(".summary-change > span").getAttribute("title");
  const dollars = Number(previous.totals.cost).toLocaleString("en-US", { style: "currency", currency: "USD" });
  assert.ok(title.startsWith(dollars), `${title}: ${dollars}`);

  // Weeks are cut elsewhere there; what is laid onto them still is all of it.
  await page.getByTestId("granularity-week").click();
  await page.waitForURL(/per=week/);
  await ready(page);
  const weeks = await chartColumn(page, "before");
  assert.equal(weeks.length, 5);
  const sum = (values) => values.reduce((sum, value) => sum + value, 0).toFixed(6);
  assert.equal(sum(weeks), sum(days));
  assert.equal(weeks[0].toFixed(6), sum(days.slice(0, 7)));

  await page.getByTestId("chart-kind-bars").click();
  await page.locator(".chart[data-drawn=true]").focus();
  await page.keyboard.press("Home");
  await page.getByTestId("tooltip-before").waitFor();
  await page.getByTestId("before-toggle").click();
  await page.waitForURL(/vs=none/);
  await ready(page);
  await page.locator(".chart[data-drawn=true]").focus();
  await page.keyboard.press("Home");
  await page.locator(".tooltip").waitFor();
  assert.equal(await page.getByTestId("tooltip-before").count(), 0);
  await page.reload();
  await ready(page);
  assert.equal(await page.getByTestId("before-toggle").getAttribute("aria-pressed"), "false");
  await page.getByTestId("before-toggle").click();
  await page.waitForURL((url) => !url.searchParams.has("vs"));

  // Lines of parts have no total to compare.
  await page.getByTestId("chart-kind-lines").click();
  assert.equal(await page.getByTestId("before-toggle").getAttribute("aria-disabled"), "true");
});

test("a month that is longer than the one before it is no rise: ranking, members and keys add up in both", async (t) => {
  const page = await open(t, LINK);
  const question = { ...JUNE_QUERY, compare: "previousMonth" };
  const picos = (text) => {
    const [whole, fraction = ""] = text.split(".");
    return BigInt(whole + fraction.padEnd(12, "0"));
  };
  for (const [path, testId, foot, answer] of [
    ["analytics", "analytics", "ranking-foot", "/analytics/activity"],
    ["members", "members", "list-foot", "/analytics/members"],
    ["keys", "keys", "list-foot", "/analytics/keys"],
  ]) {
    await visit(page, `${NORTHWIND}/${path}?${JUNE}`, testId);
    const { previous, totals } = await ask(page, answer, question);
    assert.deepEqual([previous.from, previous.to], ["2026-05-01", "2026-05-31"]);
    const exactIn = (row, field) => page.locator(`[data-testid=${row}] [data-field=${field}]`).evaluateAll((all) => all.map((one) => one.dataset.exact));
    const row = path === "analytics" ? "ranking-row" : "list-row";
    for (const [field, expected] of [["cost", totals.cost], ["before", previous.totals.cost]]) {
      assert.deepEqual(await exactIn(foot, field), [expected], `${path} ${field}`);
      const sum = (await exactIn(row, field)).reduce((sum, one) => sum + picos(one), 0n);
      assert.equal(sum, picos(expected), `${path} ${field}`);
    }
  }
  await page.getByTestId("sort-change").click();
  await page.waitForURL(/sort=-change/);
  await visit(page, `${ANALYTICS}?${JUNE}`, "analytics");
  await page.getByTestId("order-before").click();
  await page.waitForURL(/order=before/);
  await page.getByTestId("compared-with").selectOption("previousYear");
  await page.waitForURL(/with=previousYear/);
  await ready(page);
  assert.match(await page.getByTestId("card-cost").innerText(), /data since/, "there is no year before the sample's first");
});

test("the title has beneath it up to when the figures are complete", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${ANALYTICS}?range=today&tz=UTC`, "analytics");
  const answer = await ask(page, "/analytics/activity", { timezone: "UTC" });
  const shown = Date.parse(await page.getByTestId("as-of").getAttribute("data-moment"));
  assert.ok(Math.abs(Date.parse(answer.asOf) - shown) < 120_000);
  const title = await page.getByRole("heading", { level: 1 }).boundingBox();
  const moment = await page.getByTestId("as-of").boundingBox();
  const gap = moment.y - (title.y + title.height);
  assert.ok(moment.x === title.x && gap >= 0 && gap < 8, `beneath the title: ${gap} px`);
  await page.getByTestId("chart-kind-table").click();
  await page.getByTestId("chart-table").getByText("so far").waitFor();
});

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [LAPTOP, PHONE]) {
    test(`axe finds nothing with pairs and filters: ${colorScheme}, ${viewport.width} px`, async (t) => {
      const page = await open(t, LINK, { colorScheme, viewport });
      for (const query of [
        "by=user&then=source",
        "by=project&then=model&project=proj_tools&model=gpt-4o",
        "by=apiKey&then=user&chart=table",
        "by=user&user=user_dmitri",
        "by=model&chart=lines&vs=none",
        "by=model&model=nothing-by-this-name",
      ]) {
        await visit(page, `${ANALYTICS}?${JUNE}&${query}`, "analytics");
        await page.locator(".chart[data-drawn=true], .chart-table, .notice").first().waitFor();
        await accessible(page, query);
        await withinWidth(page, query);
      }
    });
  }
}

test("a key that went to another team counts for each of them on its days", async (t) => {
  const server = await serve(t);
  const assigned = (teamId, from) => ({ organizationId: "acme", subject: { apiKeyId: "key-1" }, teamId, from });
  await server.directory({
    organizations: [{ id: "acme", name: "Acme", timezone: "UTC" }],
    projects: [{ id: "web", organizationId: "acme" }],
    apiKeys: [{ id: "key-1", organizationId: "acme", projectId: "web" }],
    teams: [
      { id: "red", organizationId: "acme", name: "Red team", costCentre: "K-100" },
      { id: "blue", organizationId: "acme", name: "Blue team" },
    ],
    assignments: [assigned("red", "2026-06-01"), assigned("blue", "2026-06-12")],
  });
  const call = (id, day, cost) => ({
    id,
    timestamp: `2026-06-${day}T12:00:00Z`,
    organizationId: "acme",
    projectId: "web",
    apiKeyId: "key-1",
    usedModel: "openai/gpt-4o",
    cost,
  });
  await server.events([call("a", "11", "3"), call("b", "12", "2"), call("c", "30", "5")]);
  const page = await open(t, server.operatorLink, { landsOn: null });
  const analytics = `/organizations/acme/analytics?${JUNE}`;
  await page.getByRole("navigation").first().waitFor();
  await visit(page, analytics, "analytics");
  await page.getByTestId("groupby-team").click();
  await page.waitForURL(/by=team/);
  await ready(page);
  const costs = async () => Object.entries(await rows(page, "ranking", "ranking-row")).map(([id, { cost }]) => [id, cost]);
  assert.deepEqual(await costs(), [["blue", "7"], ["red", "3"]]);
  await page.getByTestId("ranking").getByText("Blue team").click();
  await page.waitForURL(/team=blue/);
  await ready(page);
  assert.equal(await exact(page, "card-cost"), "7");
  await visit(page, `${analytics}&by=costCentre`, "analytics");
  assert.deepEqual(await costs(), [["~no cost centre", "7"], ["K-100", "3"]]);
  await accessible(page, "by cost centre");
});

test("nothing is asked twice: not who reads and what day it is, nor the window before by each pivot and measure", async (t) => {
  const page = await open(t, LINK);
  let asked = [];
  page.on("request", (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (/^\/(v1|analytics)\//.test(pathname)) asked.push(`${pathname} ${searchParams.get("groupBy") ?? ""}`.trim());
  });
  await visit(page, `${ANALYTICS}?${JUNE}&by=model`, "analytics");
  const first = asked.filter((one) => !/change|cache-saving|views/.test(one)).sort();
  assert.deepEqual(first, ["/analytics/activity model", "/analytics/activity none", "/v1/calendar", "/v1/session"]);
  for (const [press, answered, expected] of [
    ["groupby-project", /by=project/, ["/analytics/activity project"]],
    ["metric-tokens", /metric=tokens/, ["/analytics/activity project"]],
    ["groupby-model", /by=model/, ["/analytics/activity model"]],
  ]) {
    asked = [];
    await page.getByTestId(press).click();
    await page.waitForURL(answered);
    await ready(page);
    assert.deepEqual(asked.filter((one) => one.startsWith("/analytics/activity")), expected, press);
  }
});

test("figures of a former answer keep their buttons while another one is on its way", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${ANALYTICS}?${JUNE}&by=model`, "analytics");
  const buttons = () => page.getByTestId("ranking").getByTestId("explain").count();
  const before = await buttons();
  assert.ok(before > 0);
  let answer;
  const held = new Promise((resolve) => (answer = resolve));
  await page.route(/groupBy=project/, async (route) => {
    await held;
    await route.continue();
  });
  await page.getByTestId("groupby-project").click();
  await page.locator("[data-testid=activity][data-former=true]").waitFor();
  assert.equal(await buttons(), before);
  await page.getByTestId("ranking").getByTestId("explain").first().click();
  // What is opened is what is seen, not what was asked for since.
  await page.getByTestId("explanation").or(page.getByRole("dialog")).first().waitFor();
  answer();
  await ready(page);
});
