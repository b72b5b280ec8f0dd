// A month is handed over by the one who runs the organization, and stays as it was handed over.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { accessible, LAPTOP, open, PHONE, ready, withinWidth } from "./browser.mjs";
import { serve } from "./server.mjs";

const ZONE = "Europe/Berlin";

const event = (id, day, apiKeyId, cost) => ({
  id,
  timestamp: `${day}T12:00:00Z`,
  organizationId: "acme",
  projectId: "web",
  apiKeyId,
  usedModel: cost === null ? "house/llama" : "openai/gpt-4o",
  ...(cost !== null && { cost }),
});

/** Acme with two teams and usage in the two months before this one, which the server says. */
async function acme(t, plan = "enterprise") {
  const server = await serve(t);
  const { today } = await server.get(`/v1/calendar?timezone=${ZONE}`);
  const [thisMonth, last, before] = [0, 1, 2].map((n) => monthsBack(today, n));
  const of = (apiKeyId, teamId) => ({ organizationId: "acme", subject: { apiKeyId }, teamId, from: `${before}-01` });
  await server.directory({
    organizations: [{ id: "acme", name: "Acme", timezone: ZONE, plan }],
    projects: [{ id: "web", organizationId: "acme", name: "Web shop" }],
    users: [
      { id: "ada", name: "Ada" },
      { id: "ben", name: "Ben" },
    ],
    members: [
      { organizationId: "acme", userId: "olga", role: "owner" },
      { organizationId: "acme", userId: "adam", role: "admin" },
      { organizationId: "acme", userId: "ada", role: "developer" },
    ],
    apiKeys: [
      { id: "k1", organizationId: "acme", projectId: "web", createdBy: "ada" },
      { id: "k2", organizationId: "acme", projectId: "web", createdBy: "ben" },
    ],
    teams: [
      { id: "search", organizationId: "acme", name: "Search", costCentre: "4711" },
      { id: "research", organizationId: "acme", name: "Research", costCentre: "4712" },
    ],
    assignments: [of("k1", "search"), of("k2", "research")],
  });
  await server.events([
    event("b1", `${before}-05`, "k1", "2.5"),
    event("b2", `${before}-06`, "k2", "1.000000000001"),
    event("l1", `${last}-05`, "k1", "7"),
    event("l2", `${last}-06`, "k1", null),
  ]);
  return { server, thisMonth, last, before };
}

function monthsBack(today, n) {
  const [year, month] = today.split("-").map(Number);
  return new Date(Date.UTC(year, month - 1 - n, 1)).toISOString().slice(0, 7);
}

const tile = (page, month) => page.locator(`[data-testid=month][data-month="${month}"]`);
const standsAs = (page, month, state) =>
  page.locator(`[data-testid=month][data-month="${month}"][data-state=${state}]`).waitFor();
const totalCost = (page) => page.getByTestId("statement-total").locator("[data-field=cost]").getAttribute("data-exact");

/** The statement of a month, once it is there. */
async function choose(page, month) {
  await tile(page, month).click();
  await page.locator(`[data-testid=month][data-month="${month}"][aria-pressed=true]`).waitFor();
  await ready(page, "closing");
}

/** What lines cost, by their keys, to the last digit. */
async function costsIn(place, testId) {
  const rows = await place.getByTestId(testId).evaluateAll((all) =>
    all.map((row) => [row.dataset.key, row.querySelector("[data-field=cost]").dataset.exact]),
  );
  return Object.fromEntries(rows);
}

async function confirm(page) {
  await page.getByTestId("dialog-submit").click();
  await page.getByTestId("dialog").waitFor({ state: "detached" });
}

test("an owner closes a month; what comes late is an adjustment; a cost centre's lines; opened again", async (t) => {
  const { server, thisMonth, last, before } = await acme(t);
  // Opening a month that another one builds on is refused.
  const page = await open(t, await server.linkOf("olga"), { mayRefuse: true });
  await page.getByTestId("nav-closing").click();
  await ready(page, "closing");
  assert.equal(await page.getByTestId("month").count(), 13);
  await standsAs(page, thisMonth, "running");
  await choose(page, thisMonth);
  assert.equal(await page.getByTestId("close").count(), 0, "a month that is not over");

  await choose(page, before);
  assert.match(await page.getByTestId("chosen-month").innerText(), /Draft/);
  assert.deepEqual(await costsIn(page, "statement-line"), { search: "2.5", research: "1.000000000001" });
  await page.getByTestId("close").click();
  await accessible(page, "closing a month");
  await confirm(page);
  await standsAs(page, before, "closed");
  assert.match(await tile(page, before).innerText(), /Closed[\s\S]*olga/);
  assert.match(await page.getByTestId("chosen-month").innerText(), /Closed[\s\S]*by olga[\s\S]*do not change/);
  assert.equal(await page.getByTestId("checklist").count(), 0);
  assert.equal((await server.get("/v1/closings?organizationId=acme")).closings[0].month, before);

  await server.events([event("late", `${before}-20`, "k1", "0.25")]);
  await page.reload();
  await ready(page, "closing");
  assert.equal(await totalCost(page), "3.500000000001", "the closed month stays");
  await choose(page, last);
  const adjustment = page.locator(`[data-testid=adjustment][data-month="${before}"][data-reason=late]`);
  await adjustment.waitFor();
  assert.match(await adjustment.innerText(), /Adjustment of[\s\S]*arrived after it was closed[\s\S]*\+\$0\.25/);
  assert.deepEqual(await costsIn(adjustment, "statement-adjustment"), { search: "0.25" });
  assert.deepEqual(await costsIn(page, "statement-line"), { search: "7" });
  assert.equal(await totalCost(page), "7.25");
  // Closed and adjustments are what activity says: 3.500000000001 and 0.25.
  const live = await page.evaluate(async (query) => (await fetch(`/analytics/activity?${query}`)).text(), [
    `organizationId=acme&from=${before}-01&to=${before}-${lastDay(before)}&timezone=${ZONE}&groupBy=none`,
  ]);
  assert.equal(/"totals":\{[^}]*?"cost":([\d.]+)/.exec(live)[1], "3.750000000001");

  await choose(page, before);
  await page.getByTestId("statement-by-costCentre").click();
  await page.getByTestId("statement-table").getByText("4711").first().waitFor();
  await ready(page, "closing");
  assert.deepEqual(await costsIn(page, "statement-line"), { 4711: "2.5", 4712: "1.000000000001" });
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("statement-csv").click()]);
  assert.match(download.suggestedFilename(), /^acme-statement-by-costCentre-.*\.csv$/);
  const csv = await readFile(await download.path(), "utf8");
  assert.match(csv, /^kind,month,key,label,/);
  assert.match(csv, new RegExp(`^line,${before},4711,4711,.*`, "m"));
  assert.match(csv, /^total,/m);
  for (const [format, disclosure] of [["json", "pseudonyms"], ["html", "groups"]]) {
    await page.getByTestId("disclosure").selectOption(disclosure);
    await ready(page, "closing");
    const link = page.getByTestId(`statement-${format}`);
    const asked = await link.getAttribute("href");
    assert.ok(asked.endsWith(`groupBy=costCentre&disclosure=${disclosure}&format=${format}`), asked);
    const [file] = await Promise.all([page.waitForEvent("download"), link.click()]);
    assert.match(file.suggestedFilename(), new RegExp(`^acme-statement-by-costCentre-.*\\.${format}$`));
  }

  // The next month is closed with the adjustment on it, so the one before stays until that is open again.
  await choose(page, last);
  await page.getByTestId("close").click();
  await confirm(page);
  await standsAs(page, last, "closed");
  await choose(page, before);
  await page.getByTestId("reopen").click();
  await page.getByTestId("dialog-submit").click();
  const refusal = page.getByTestId("dialog").getByRole("alert");
  await page.waitForFunction(() => document.querySelector("[data-testid=dialog] [role=alert]").textContent !== "");
  assert.match(await refusal.innerText(), new RegExp(last), "the server's words name what has to be opened first");
  await page.getByRole("button", { name: "Cancel" }).first().click();
  for (const month of [last, before]) {
    await choose(page, month);
    await page.getByTestId("reopen").click();
    await confirm(page);
    await standsAs(page, month, "open");
  }
  await ready(page, "closing");
  assert.match(await page.getByTestId("reopened").innerText(), /closed before,.*by olga.*opened again.*by olga/s);
  assert.match(await page.getByTestId("chosen-month").innerText(), /Draft/);
  assert.deepEqual((await server.get("/v1/closings?organizationId=acme")).closings, []);
});

function lastDay(month) {
  const [year, number] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number, 0)).getUTCDate();
}

test("what is worth a look before closing leads to where it is", async (t) => {
  const { server, last, before } = await acme(t);
  const page = await open(t, await server.linkOf("olga"));
  await page.getByTestId("nav-closing").click();
  await ready(page, "closing");
  const check = (id, good) => page.locator(`[data-testid=check-${id}][data-good=${good}]`);
  await check("unpriced", false).waitFor();
  assert.match(await check("unpriced", false).innerText(), /1 request has no price/);
  assert.match(await check("invoice-openai", false).innerText(), /No report of costs/);
  await page.getByTestId("check-unpriced-link").click();
  await ready(page, "analytics");
  const asked = new URL(page.url()).searchParams;
  assert.deepEqual([asked.get("from"), asked.get("to"), asked.get("tz"), asked.get("costSource")], [
    `${last}-01`,
    `${last}-${lastDay(last)}`,
    ZONE,
    "unpriced",
  ]);
  await page.goBack();
  await ready(page, "closing");
  await page.getByTestId("check-invoice-anthropic-link").click();
  await ready(page, "reconciliation");
  assert.equal(new URL(page.url()).searchParams.get("provider"), "anthropic");
  await page.goBack();
  await ready(page, "closing");
  // Days of what was sent are UTC's, so what the test sends may be of the month before in the first hour of one.
  await choose(page, before);
  await check("intake", false).waitFor();
  await page.getByTestId("check-intake-link").click();
  await ready(page, "intake");
  await page.getByText("Nothing was sent.").waitFor();
  const csv = await page.getByTestId("list-csv").getAttribute("href");
  assert.ok(csv.includes(`from=${before}-01&to=${before}-${lastDay(before)}`), "the days that were looked at");
});

test("who closes months, in both looks and languages", async (t) => {
  const { server, before } = await acme(t);
  for (const [viewport, colorScheme, locale] of [[LAPTOP, "light", "en-US"], [PHONE, "dark", "de-DE"]]) {
    const page = await open(t, await server.linkOf("adam"), { viewport, colorScheme, locale });
    const address = (search) => new URL(`/organizations/acme/closing?${search}`, server.url).href;
    await page.goto(address(`month=${before}`));
    await ready(page, "closing");
    if (viewport === LAPTOP) {
      await page.locator("[data-testid=check-unpriced][data-good=true]").waitFor();
      assert.equal(await page.getByTestId("check-intake").count(), 0, "what arrived is for owners");
      await accessible(page, "an open month, light");
      await withinWidth(page, "an open month");
      await page.getByTestId("close").click();
      await confirm(page);
      await standsAs(page, before, "closed");
      await server.events([event("late", `${before}-20`, "k1", "0.25")]);
    }
    await page.goto(address(""));
    await ready(page, "closing");
    await page.getByTestId("adjustment").waitFor();
    await page.locator("[data-testid=check-unpriced][data-good=false]").waitFor();
    await accessible(page, `closing, ${colorScheme}`);
    await withinWidth(page, `closing, ${colorScheme}`);
    await page.getByTestId("close").click();
    await accessible(page, `closing a month, ${colorScheme}`);
    await withinWidth(page, "closing a month");
  }
  const developer = await open(t, await server.linkOf("ada"), { landsOn: "mine" });
  assert.equal(await developer.getByTestId("nav-closing").count(), 0);
  const operator = await open(t, server.operatorLink);
  await operator.getByTestId("nav-closing").click();
  await ready(operator, "closing");
  await operator.getByTestId("check-intake").waitFor();
});

test("an owner on another plan is told so before anything is asked", async (t) => {
  const { server } = await acme(t, "pro");
  const page = await open(t, await server.linkOf("olga"), { landsOn: null });
  await page.getByTestId("nav-closing").getByTestId("nav-lock").waitFor();
  await page.getByTestId("nav-closing").click();
  await page.getByTestId("needs-plan").waitFor();
  assert.equal(await page.getByTestId("closing").count(), 0);
});
