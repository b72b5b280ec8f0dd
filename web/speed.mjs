// Times the dashboard in a real browser, as somebody waits for it: `make speed`. Cold cache, loopback, no animation.
// A change is timed from the click to the second frame after its answer is on the page, chart and all; nothing was
// asked ahead of it.
import { launch } from "./tests/chromium.mjs";
import { LINK } from "./tests/demo.mjs";
import { serve } from "./tests/server.mjs";

const COLD_LOADS = 15;
/** Each on a page of its own, so that no answer is known. */
const ROUNDS = 2;
const KEYS = 500;
const DAYS = 365;
const BATCH = 20_000;

const browser = await launch();
const leftovers = [];
try {
  const sample = await signedIn(LINK, "/organizations/northwind/analytics?range=last-30-days&tz=Europe/Paris&by=model");
  const loads = [];
  for (let i = 0; i < COLD_LOADS; i++) loads.push(await coldLoad(sample));
  const wide = await yearOfKeys();

  const of = (field) => loads.map((load) => load[field]);
  const rows = [
    ["first contentful paint", of("painted"), 500, "ms"],
    ["chart drawn", of("drawn"), 1000, "ms"],
    ["layout shift while loading (1000ths)", of("shifted"), 100, ""],
    ["JavaScript of the first page, compressed", of("scriptKb"), 130, "kB"],
    ["another pivot", await rounds(pivots, sample), 100, "ms"],
    ["another measure", await rounds(measures, sample), 100, "ms"],
    ["another range", await rounds(ranges, sample), 100, "ms"],
    [`a year by ${KEYS} API keys: another pivot`, await rounds(pivots, wide), 200, "ms"],
    [`a year by ${KEYS} API keys: another range`, await rounds(ranges, wide), 200, "ms"],
  ];
  console.log(`\n${"".padEnd(46)}${["n", "median", "p95", "aim"].map((head) => head.padStart(9)).join("")}`);
  for (const [what, values, aim, unit] of rows) {
    const figures = [values.length, quantile(values, 0.5), quantile(values, 0.95), aim].map(Math.round);
    console.log(`${what.padEnd(46)}${figures.map((one) => String(one).padStart(9)).join("")} ${unit}`);
  }
} finally {
  await browser.close();
  for (const leave of leftovers.reverse()) await leave();
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1];
}

/** Cookies of a session, so that what is timed is the page and not the sign-in. */
async function signedIn(link, path) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(link);
  await page.locator("[data-testid=analytics][data-busy=false]").waitFor();
  const session = await context.storageState();
  await context.close();
  return { session, url: new URL(path, link).href };
}

async function fresh({ session }) {
  const context = await browser.newContext({
    storageState: session,
    viewport: { width: 1440, height: 900 },
    reducedMotion: "reduce",
    timezoneId: "Europe/Paris",
  });
  return context.newPage();
}

async function coldLoad(place) {
  const page = await fresh(place);
  const scripts = [];
  page.on("response", (response) => response.url().endsWith(".js") && scripts.push(response));
  await page.addInitScript(() => {
    window.shifted = 0;
    new PerformanceObserver((list) => {
      for (const shift of list.getEntries()) window.shifted += shift.value;
    }).observe({ type: "layout-shift", buffered: true });
    new MutationObserver((_, observer) => {
      if (!document.querySelector(".chart[data-drawn=true]")) return;
      observer.disconnect();
      requestAnimationFrame(() => requestAnimationFrame(() => (window.drawn = performance.now())));
    }).observe(document, { childList: true, subtree: true, attributes: true });
  });
  await page.goto(place.url);
  const isThere = () => window.drawn !== undefined && performance.getEntriesByName("first-contentful-paint").length > 0;
  await page.waitForFunction(isThere);
  const times = await page.evaluate(() => ({
    painted: performance.getEntriesByName("first-contentful-paint")[0].startTime,
    drawn: window.drawn,
    shifted: window.shifted * 1000,
  }));
  const sizes = await Promise.all(scripts.map((script) => script.request().sizes()));
  await page.context().close();
  return { ...times, scriptKb: sizes.reduce((sum, { responseBodySize }) => sum + responseBodySize, 0) / 1000 };
}

async function opened(place) {
  const page = await fresh(place);
  await page.goto(place.url);
  await page.locator(".chart[data-drawn=true]").waitFor();
  return page;
}

/** Presses what is named and waits until the page shows another answer than before. */
function timed(page, testId) {
  return page.evaluate(async (testId) => {
    const activity = document.querySelector("[data-testid=activity]");
    const busy = () => activity.getAttribute("aria-busy") === "true";
    const before = location.search;
    const frame = () => new Promise(requestAnimationFrame);
    const start = performance.now();
    document.querySelector(`[data-testid="${testId}"]`).click();
    do await frame();
    while (location.search === before || busy());
    await frame();
    return performance.now() - start;
  }, testId);
}

async function rounds(change, place) {
  const times = [];
  for (let i = 0; i < ROUNDS; i++) {
    const page = await opened(place);
    times.push(...(await change(page)));
    await page.context().close();
  }
  return times;
}

async function pivots(page) {
  const times = [];
  // Another window each time round, so that no answer is known yet.
  for (const range of ["last-365-days", "last-quarter", "this-year", "last-90-days", "last-30-days"]) {
    await choose(page, range);
    for (const by of ["project", "apiKey", "user", "provider", "source", "model"]) {
      const shown = await page.getByTestId(`groupby-${by}`).getAttribute("aria-checked");
      if (shown !== "true") times.push(await timed(page, `groupby-${by}`));
    }
  }
  return times;
}

async function measures(page) {
  const times = [];
  for (const range of ["last-365-days", "last-quarter", "this-year", "last-90-days", "last-7-days", "last-month"]) {
    await choose(page, range);
    for (const metric of ["requests", "tokens", "cost"]) times.push(await timed(page, `metric-${metric}`));
  }
  return times;
}

async function ranges(page) {
  const times = [];
  for (const by of ["apiKey", "model"]) {
    await page.getByTestId(`groupby-${by}`).click();
    await page.waitForURL(new RegExp(`by=${by}`));
    await page.locator("[data-testid=analytics][data-busy=false]").waitFor();
    const long = ["last-365-days", "this-year", "this-quarter", "last-quarter", "last-90-days"];
    for (const range of [...long, "last-7-days", "last-month", "yesterday", "this-month"]) {
      times.push(...(await choose(page, range)));
    }
  }
  return times;
}

async function choose(page, range) {
  await page.getByTestId("range-button").click();
  const preset = page.getByTestId(`range-preset-${range}`);
  await preset.waitFor();
  if ((await preset.getAttribute("aria-pressed")) !== "true") return [await timed(page, `range-preset-${range}`)];
  await page.keyboard.press("Escape");
  return [];
}

/** An organization in which every one of the keys is used on every day of a year. */
async function yearOfKeys() {
  const server = await serve({ after: (leave) => leftovers.push(leave) });
  await server.directory({
    organizations: [{ id: "wide", name: "Wide" }],
    users: [{ id: "olga", name: "Olga" }],
    members: [{ organizationId: "wide", userId: "olga", role: "owner" }],
  });
  const now = Date.now();
  let batch = [];
  for (let day = 0; day < DAYS; day++) {
    for (let key = 0; key < KEYS; key++) {
      batch.push({
        id: `${day}-${key}`,
        timestamp: now - day * 86_400_000,
        organizationId: "wide",
        projectId: `project-${key % 40}`,
        apiKeyId: `key-${key}`,
        usedModel: `model-${key % 30}`,
        usedProvider: `provider-${key % 6}`,
        source: `app-${key % 12}`,
        promptTokens: 100 + ((key * 7919 + day * 104_729) % 9000),
        completionTokens: 50 + (key % 400),
        cost: `0.${String(((key * 7919 + day * 104_729) % 900_000) + 100_000)}`,
      });
    }
    if (batch.length >= BATCH || day === DAYS - 1) {
      const { rejected } = await server.events(batch);
      if (rejected.length > 0) throw new Error(rejected[0].error);
      batch = [];
    }
  }
  return signedIn(await server.linkOf("olga"), "/organizations/wide/analytics?range=last-365-days&tz=Europe/Paris&by=apiKey");
}
