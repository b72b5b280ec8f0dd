// What the browser tests share: one browser, signed-in pages, questions to the API.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { launch } from "./chromium.mjs";

/** The month whose sums the sample organization is known for, as pages and as the API are asked for it. */
export const JUNE = "from=2026-06-01&to=2026-06-30&tz=UTC";
export const JUNE_QUERY = { from: "2026-06-01", to: "2026-06-30", timezone: "UTC" };
export const NORTHWIND = "/organizations/northwind";

export const LAPTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** Of each test what it has opened. */
const contexts = new WeakMap();
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/**
 * A page of its own, signed in through the link when there is one and waited for; fails the test on anything
 * the console calls an error. `mayRefuse` leaves out the browser's own lines about answers like 403 and 404.
 */
export async function open(t, link, { landsOn = "analytics", mayRefuse = link === null, ...options } = {}) {
  const context = await browser.newContext({
    viewport: LAPTOP,
    locale: "en-US",
    timezoneId: "Europe/Paris",
    reducedMotion: "reduce",
    ...options,
  });
  contexts.set(t, [...(contexts.get(t) ?? []), context]);
  const page = await context.newPage();
  const errors = [];
  page.on("console", (message) => {
    if (message.type() !== "error") return;
    if (mayRefuse && message.text().startsWith("Failed to load resource")) return;
    errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  t.after(async () => {
    await context.close();
    assert.deepEqual(errors, [], "the console has no errors");
  });
  if (link) {
    await page.goto(link);
    if (landsOn) await ready(page, landsOn);
  }
  return page;
}

/** Closes the pages of a test before it ends. */
export async function closePages(t) {
  await Promise.all((contexts.get(t) ?? []).map((context) => context.close()));
}

/** The page with this name shows the answer to what its address asks. */
export async function ready(page, testId = "analytics") {
  await page.locator(`[data-testid=${testId}][data-busy=false]`).waitFor();
}

/** Of the server that the page is on. */
export async function visit(page, path, testId) {
  await page.goto(new URL(path, page.url()).href);
  await ready(page, testId);
}

/** An organization's own days, or those of the sample where `query` names no other. */
export function askText(page, path, query) {
  return page.evaluate(
    async ([path, query]) => {
      const organizationId = "northwind";
      const response = await fetch(`${path}?${new URLSearchParams({ organizationId, ...query })}`);
      return response.text();
    },
    [path, query],
  );
}

/** The same question, asked by the signed-in page without the dashboard's own code. Numbers stay texts. */
export async function ask(page, path, query) {
  const answer = await askText(page, path, query);
  return JSON.parse(answer.replace(/([[:,]\s*)(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?=\s*[,}\]])/g, '$1"$2"'));
}

/**
 * Notes which of these parts of the page are ever there, from the first paint on, so that nothing can flash by
 * unseen. Begins with the page's next load.
 */
export async function watch(page, testIds) {
  await page.addInitScript((testIds) => {
    window.seen = new Set();
    new MutationObserver(() => {
      for (const id of testIds) if (document.querySelector(`[data-testid=${id}]`)) window.seen.add(id);
    }).observe(document, { childList: true, subtree: true });
  }, testIds);
}

export const seen = (page) => page.evaluate(() => [...window.seen]);

export const exact = (place, testId) => place.getByTestId(testId).locator("[data-exact]").getAttribute("data-exact");

/** What the cards of a person or a key say, against the summary as the server wrote it, digit by digit. */
export async function cardsAre(page, summary) {
  for (const [card, field] of [
    ["card-cost", "cost"],
    ["card-tokens", "totalTokens"],
    ["card-requests", "requestCount"],
    ["card-error-rate", "errorCount"],
    ...("apiKeyCount" in summary ? [["card-keys", "apiKeyCount"]] : []),
  ]) {
    assert.equal(await exact(page, card), summary[field], card);
  }
}

/** Rows of a ranking or a list by their key: field → the exact text. What was before is no part of an answer's rows. */
export function rows(page, testId, row) {
  return page.getByTestId(testId).evaluate((table, row) => {
    const found = {};
    for (const one of table.querySelectorAll(`[data-testid=${row}]`)) {
      found[one.dataset.key] = Object.fromEntries(
        [...one.querySelectorAll("[data-field][data-exact]:not([data-field=before])")].map((cell) => [cell.dataset.field, cell.dataset.exact]),
      );
    }
    return found;
  }, row);
}

export async function rankingIs(page, testId, entries) {
  const shown = await rows(page, testId, "ranking-row");
  assert.deepEqual(
    Object.fromEntries(Object.entries(shown).map(([key, fields]) => [key, fields.cost])),
    Object.fromEntries(entries.map((one) => [one.key ?? `~${one.label.toLowerCase()}`, one.cost])),
    testId,
  );
}

/** The list of API keys, against the answer it is made of. */
export async function keysAre(page, keys) {
  const expected = keys.map((key) => [
    key.id,
    { cost: key.cost, tokens: key.totalTokens, requests: key.requestCount, errorRate: key.errorCount },
  ]);
  assert.deepEqual(await rows(page, "keys-table", "list-row"), Object.fromEntries(expected));
}

/** A column of the chart as a table: "total", "before", or the id of a series. */
export async function chartColumn(page, field) {
  await page.getByTestId("chart-kind-table").click();
  const cells = page.getByTestId("chart-table").locator(`td[data-field="${field}"]`);
  await cells.first().waitFor();
  return cells.evaluateAll((all) => all.map((cell) => Number(cell.dataset.value)));
}

/** The chart's bars, day by day, against the answer's days. */
export async function barsAre(page, activity) {
  assert.deepEqual(await chartColumn(page, "total"), activity.map((day) => Number(day.cost)));
  await page.getByTestId("chart-kind-bars").click();
}

/** Clicks the part of the middle bar just above the axis: the largest entry there. Returns which it was. */
export async function clickLowestPart(page, { shift = false } = {}) {
  const chart = page.locator(".chart[data-drawn=true]");
  const box = await chart.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height - 50);
  await page.locator(".chart[data-leads=true]").waitFor();
  const id = await chart.getAttribute("data-target");
  if (shift) await page.keyboard.down("Shift");
  await page.mouse.down();
  await page.mouse.up();
  if (shift) await page.keyboard.up("Shift");
  return id;
}

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function accessible(page, what) {
  // An expression of its own, for the page's policy lets nothing that a page runs make code from text.
  await page.evaluate(axe);
  const faults = await page.evaluate(async () => {
    // What is still fading in is not there yet for axe, and neither is a dialog then.
    const ends = (animation) => Number.isFinite(animation.effect.getComputedTiming().endTime);
    await Promise.all(document.getAnimations().filter(ends).map((animation) => animation.finished.catch(() => {})));
    const result = await window.axe.run(document, { resultTypes: ["violations"] });
    return result.violations.map((v) => `${v.id}: ${v.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  });
  assert.deepEqual(faults, [], what);
}

export async function withinWidth(page, what) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `${what}: no sideways scroll, found ${overflow} px`);
}
