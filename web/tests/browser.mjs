// What the browser tests share: one browser, signed-in pages, questions to the API.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

export const LINK = process.env.ROLLCALL_SIGN_IN_URL;
assert.ok(LINK, "ROLLCALL_SIGN_IN_URL must hold the owner's sign-in link that “rollcall demo” prints");
export const DEVELOPER_LINK = process.env.ROLLCALL_DEVELOPER_SIGN_IN_URL;
assert.ok(DEVELOPER_LINK, "ROLLCALL_DEVELOPER_SIGN_IN_URL must hold the developer's sign-in link");

export const LAPTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

let browser;
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? process.env.ROLLCALL_CHROMIUM ?? "/usr/bin/chromium",
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

/**
 * A page of its own, signed in through the link when there is one; fails the test on anything the console
 * calls an error. `mayRefuse` leaves out the browser's own lines about answers like 403 and 404.
 */
export async function open(t, link, { landsOn = "analytics", mayRefuse = link === null, ...options } = {}) {
  const context = await browser.newContext({
    viewport: LAPTOP,
    locale: "en-US",
    timezoneId: "Europe/Paris",
    reducedMotion: "reduce",
    ...options,
  });
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
    await ready(page, landsOn);
  }
  return page;
}

/** The page with this name shows the answer to what its address asks. */
export async function ready(page, testId = "analytics") {
  await page.locator(`[data-testid=${testId}][data-busy=false]`).waitFor();
}

export async function visit(page, path, testId) {
  await page.goto(new URL(path, LINK).href);
  await ready(page, testId);
}

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

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function accessible(page, what) {
  const faults = await page.evaluate(async (source) => {
    if (!window.axe) (0, eval)(source);
    const result = await window.axe.run(document, { resultTypes: ["violations"] });
    return result.violations.map((v) => `${v.id}: ${v.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  }, axe);
  assert.deepEqual(faults, [], what);
}

export async function withinWidth(page, what) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `${what}: no sideways scroll, found ${overflow} px`);
}
