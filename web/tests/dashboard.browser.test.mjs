// Walks the dashboard of a running demo in a real browser. Needs ROLLCALL_SIGN_IN_URL, the link the demo prints.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const link = process.env.ROLLCALL_SIGN_IN_URL;
assert.ok(link, "ROLLCALL_SIGN_IN_URL must hold the sign-in link that “rollcall demo” prints");
const origin = new URL(link).origin;

const LAPTOP = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };
const FIELDS = { cost: "cost", requests: "requestCount", tokens: "totalTokens" };

let browser;
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.ROLLCALL_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--no-first-run",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});
after(() => browser?.close());

/** A page of its own, signed in through the link; fails the test on anything the console calls an error. */
async function signedIn(t, options = {}) {
  const context = await browser.newContext({
    viewport: LAPTOP,
    locale: "en-US",
    timezoneId: "Europe/Paris",
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  const errors = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  t.after(async () => {
    await context.close();
    assert.deepEqual(errors, [], "the console has no errors");
  });
  await page.goto(link);
  await ready(page);
  return page;
}

async function ready(page) {
  await page.locator('[data-testid=analytics][data-busy=false]').waitFor();
}

/** Waits until the answer to exactly this question is what the page shows. */
async function shows(page, { groupBy, from, to, zone }) {
  const answer = `${groupBy} ${from} ${to} ${zone}`;
  await page.locator(`[data-testid=activity][data-answer="${answer}"][aria-busy=false]`).waitFor();
}

async function chooseCustomRange(page, from, to) {
  await page.getByTestId("range-button").click();
  await page.getByTestId("range-from").fill(from);
  await page.getByTestId("range-to").fill(to);
  await page.getByTestId("range-apply").click();
}

async function chooseZone(page, zone) {
  await page.getByTestId("zone-button").click();
  await page.getByTestId("zone-search").fill(zone);
  await page.getByTestId(`zone-option-${zone}`).click();
}

const figure = (page, metric) => page.getByTestId(`card-${metric}`).locator("[data-exact]");
const exact = (page, metric) => figure(page, metric).getAttribute("data-exact");

/** The same question, asked by the signed-in page without the dashboard's own code. */
function ask(page, { groupBy, from, to, zone }) {
  return page.evaluate(
    async ({ groupBy, from, to, zone }) => {
      const organizationId = decodeURIComponent(location.pathname.split("/")[2]);
      const query = new URLSearchParams({ organizationId, from, to, timezone: zone, groupBy });
      const response = await fetch(`/analytics/activity?${query}`);
      return response.json();
    },
    { groupBy, from, to, zone },
  );
}

async function agreesWithApi(page, question) {
  await shows(page, question);
  const answer = await ask(page, question);
  for (const [metric, field] of Object.entries(FIELDS)) {
    assert.equal(Number(await exact(page, metric)), answer.totals[field], `${metric} of ${JSON.stringify(question)}`);
  }
  const rows = await page.getByTestId("ranking-row").evaluateAll((all) =>
    all.map((row) => ({ key: row.dataset.key, cost: Number(row.dataset.exact) })),
  );
  assert.ok(rows.length > 0, "the ranking has rows");
  for (const row of rows) {
    if (row.key.startsWith("~")) continue;
    const entry = answer.ranking.find((one) => one.key === row.key);
    assert.equal(row.cost, entry?.cost, `${row.key} in the ranking`);
  }
}

test("the link signs in and leaves no token behind", async (t) => {
  const page = await signedIn(t);
  assert.ok(!page.url().includes("token"), page.url());
  assert.match(page.url(), /\/organizations\/[^/]+\/analytics\?range=last-30-days&tz=Europe\/Paris&by=model&metric=cost$/);
});

test("June 2026 in UTC reads as promised", async (t) => {
  const page = await signedIn(t);
  await chooseZone(page, "UTC");
  await chooseCustomRange(page, "2026-06-01", "2026-06-30");
  await shows(page, { groupBy: "model", from: "2026-06-01", to: "2026-06-30", zone: "UTC" });

  assert.equal(await exact(page, "cost"), "7828.8");
  assert.equal(await exact(page, "requests"), "3288112");
  assert.equal(await exact(page, "tokens"), "1017747604");
  assert.equal(await figure(page, "cost").innerText(), "$7,828.80");
  assert.equal(await figure(page, "requests").innerText(), "3,288,112");
  assert.equal(await figure(page, "tokens").innerText(), "1,017,747,604");
  await page.locator(".chart[data-drawn=true]").waitFor();
});

test("every grouping, in several zones, shows what the API answers", async (t) => {
  const page = await signedIn(t);
  const [from, to] = ["2026-06-10", "2026-06-20"];
  await chooseCustomRange(page, from, to);
  for (const zone of ["UTC", "Asia/Kathmandu", "America/New_York"]) {
    await chooseZone(page, zone);
    for (const groupBy of ["model", "project", "apiKey", "user"]) {
      await page.getByTestId(`groupby-${groupBy}`).click();
      await agreesWithApi(page, { groupBy, from, to, zone });
    }
    await page.getByTestId("groupby-model").click();
  }
});

test("tabs share their state, the address holds it, back undoes it", async (t) => {
  const page = await signedIn(t);
  await page.getByTestId("metric-tokens").click();
  await page.waitForURL(/metric=tokens/);
  assert.equal(await page.getByTestId("ranking-metric-tokens").getAttribute("aria-checked"), "true");
  await page.getByRole("heading", { name: "Tokens over time" }).waitFor();

  await page.getByTestId("groupby-project").click();
  await page.waitForURL(/by=project/);
  await page.getByTestId("range-button").click();
  await page.getByTestId("range-preset-last-7-days").click();
  await page.waitForURL(/range=last-7-days/);
  await ready(page);

  const cost = await exact(page, "cost");
  await page.reload();
  await ready(page);
  assert.match(page.url(), /range=last-7-days.*by=project&metric=tokens/);
  // The running day may have grown in between, it never shrinks.
  assert.ok(Number(await exact(page, "cost")) >= Number(cost));

  await page.goBack();
  await page.waitForURL(/range=last-30-days/);
  await page.goBack();
  await page.waitForURL(/by=model/);
  await page.goBack();
  await page.waitForURL(/metric=cost/);
});

test("a range over the limit is refused in words", async (t) => {
  const page = await signedIn(t);
  await page.getByTestId("range-button").click();
  await page.getByTestId("range-from").fill("2025-01-01");
  await page.getByTestId("range-to").fill("2026-06-30");
  await page.getByText("A range can be at most 366 days.").waitFor();
  assert.equal(await page.getByTestId("range-apply").isDisabled(), true);
});

test("the chart can be walked by keyboard and read as a table", async (t) => {
  const page = await signedIn(t);
  await page.locator(".chart[data-drawn=true]").focus();
  await page.keyboard.press("End");
  await page.locator(".tooltip").waitFor();
  await page.getByTestId("chart-kind-table").click();
  const rows = page.getByTestId("chart-table").locator("tbody tr");
  await rows.first().waitFor();
  assert.equal(await rows.count(), 30);
});

test("signing out asks for a token again, in place", async (t) => {
  const page = await signedIn(t);
  const where = page.url();
  await page.getByTestId("signout").first().click();
  await page.getByTestId("signin-token").fill(new URLSearchParams(new URL(link).hash.slice(1)).get("token"));
  await page.getByTestId("signin-submit").click();
  await ready(page);
  assert.equal(page.url(), where);
});

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function accessible(page, what) {
  const faults = await page.evaluate(async (source) => {
    if (!window.axe) (0, eval)(source);
    const result = await window.axe.run(document, { resultTypes: ["violations"] });
    return result.violations.map((v) => `${v.id}: ${v.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  }, axeSource);
  assert.deepEqual(faults, [], what);
}

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [LAPTOP, PHONE]) {
    test(`axe finds nothing: ${colorScheme}, ${viewport.width} px`, async (t) => {
      const page = await signedIn(t, { colorScheme, viewport });
      await page.locator(".chart[data-drawn=true]").waitFor();
      await accessible(page, "analytics");
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `no sideways scroll, found ${overflow} px`);

      await page.getByTestId("range-button").click();
      await page.getByTestId("range-apply").waitFor();
      await accessible(page, "date range");
      await page.keyboard.press("Escape");

      await page.getByTestId("zone-button").click();
      await page.getByTestId("zone-option-UTC").waitFor();
      await accessible(page, "time zone");
      await page.keyboard.press("Escape");

      await page.getByTestId("chart-kind-table").click();
      await page.getByTestId("chart-table").waitFor();
      await accessible(page, "chart as a table");
    });
  }
}

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing on the sign-in page: ${colorScheme}`, async (t) => {
    const context = await browser.newContext({ colorScheme, viewport: PHONE, reducedMotion: "reduce" });
    t.after(() => context.close());
    const page = await context.newPage();
    await page.goto(origin);
    await page.getByTestId("signin-token").waitFor();
    await accessible(page, "sign-in");
  });
}
