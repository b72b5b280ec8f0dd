// Walks the analytics page of a running demo in a real browser. Needs the two sign-in links that the demo prints.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, ask as askApi, chartColumn, JUNE, JUNE_QUERY, LAPTOP, NORTHWIND, open, PHONE, ready, visit, withinWidth } from "./browser.mjs";
import { LINK as link } from "./demo.mjs";

const origin = new URL(link).origin;
const FIELDS = { cost: "cost", requests: "requestCount", tokens: "totalTokens" };

const signedIn = (t, options) => open(t, link, options);

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

test("what is on the page stays where it is while its figures arrive", async (t) => {
  for (const viewport of [LAPTOP, { width: 1280, height: 800 }, PHONE]) {
    const page = await signedIn(t, { viewport });
    await page.addInitScript(() => {
      window.shifted = 0;
      new PerformanceObserver((list) => {
        for (const shift of list.getEntries()) window.shifted += shift.value;
      }).observe({ type: "layout-shift", buffered: true });
    });
    await visit(page, `${NORTHWIND}/analytics?range=last-30-days&tz=Europe/Paris`);
    await page.locator(".chart[data-drawn=true]").waitFor();
    await page.getByTestId("cache-saving").first().waitFor();
    const shifted = await page.evaluate(() => new Promise((told) => requestAnimationFrame(() => told(window.shifted))));
    assert.ok(shifted < 0.05, `at ${viewport.width} pixels it moved by ${shifted}`);
  }
});

test("which days failed more is a line over the requests", async (t) => {
  const page = await signedIn(t);
  await visit(page, `${NORTHWIND}/analytics?${JUNE}&metric=requests`);
  const { activity } = await askApi(page, "/analytics/activity", { ...JUNE_QUERY, errors: "true" });
  const rates = activity.map((day) => day.errorCount / day.requestCount);
  assert.ok(Math.max(...rates) > 0.05, "the sample has a day that failed");
  assert.deepEqual(await chartColumn(page, "errorRate"), rates);
  const entry = page.getByTestId("errors-toggle");
  assert.equal(await entry.getAttribute("aria-pressed"), "true");
  await entry.click();
  await page.locator("[data-testid=errors-toggle][aria-pressed=false]").waitFor();
  assert.match(page.url(), /errors/);
  await page.getByTestId("metric-cost").click();
  await entry.waitFor({ state: "detached" });
});

test("columns are as high as their sums and in the colours of the legend, after another size and another measure too", async (t) => {
  const page = await signedIn(t);
  await page.goto(`${origin}/organizations/northwind/analytics?from=2026-06-01&to=2026-06-30&tz=UTC&by=project&vs=none`);
  await ready(page);
  const { activity } = await page.evaluate(async () => {
    const query = "organizationId=northwind&from=2026-06-01&to=2026-06-30&timezone=UTC&groupBy=project";
    return (await fetch(`/analytics/activity?${query}`)).json();
  });
  const areAsHighAs = async (field) => {
    const heights = await columnHeights(page);
    assert.equal(heights.length, 30);
    const highest = Math.max(...activity.map((day) => day[field]));
    for (const [i, day] of activity.entries()) {
      const expected = (day[field] / highest) * Math.max(...heights);
      assert.ok(Math.abs(heights[i] - expected) <= 2.5, `${day.date}: ${heights[i]} pixels, not ${expected}`);
    }
  };
  await areAsHighAs("cost");
  await page.setViewportSize({ width: 1000, height: 900 });
  await page.waitForFunction(() => document.querySelector(".chart canvas").clientWidth < 1000);
  await areAsHighAs("cost");
  await page.getByTestId("metric-requests").click();
  await page.waitForURL(/metric=requests/);
  await ready(page);
  await areAsHighAs("requestCount");
});

/** Pixels from the axis to the top of each column, where the canvas has a colour of the legend. */
async function columnHeights(page) {
  await page.locator(".chart[data-drawn=true]").waitFor();
  return page.evaluate(() => {
    const colours = [...document.querySelectorAll(".legend .swatch")].map((swatch) =>
      getComputedStyle(swatch).backgroundColor.match(/\d+/g).map(Number),
    );
    const canvas = document.querySelector(".chart canvas");
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const isBar = (x, y) =>
      colours.some((colour) => colour.every((part, i) => Math.abs(part - data[(y * width + x) * 4 + i]) < 4));
    let bottom = height - 1;
    while (bottom > 0 && !Array.from({ length: width }, (_, x) => x).some((x) => isBar(x, bottom))) bottom--;
    const heights = [];
    for (let x = 0; x < width; x++) {
      if (!isBar(x, bottom)) continue;
      const begin = x;
      while (isBar(x, bottom)) x++;
      const middle = Math.floor((begin + x) / 2);
      let top = 0;
      while (!isBar(middle, top)) top++;
      heights.push(bottom - top + 1);
    }
    return heights;
  });
}

test("dragging across the chart zooms into the days, back undoes it", async (t) => {
  const page = await signedIn(t);
  await chooseZone(page, "UTC");
  await chooseCustomRange(page, "2026-06-01", "2026-06-30");
  await shows(page, { groupBy: "model", from: "2026-06-01", to: "2026-06-30", zone: "UTC" });
  const box = await page.locator(".chart[data-drawn=true]").boundingBox();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 120);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 130, { steps: 4 });
  await page.mouse.move(box.x + box.width * 0.6, box.y + 120, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL((url) => url.searchParams.get("from") > "2026-06-01");
  const { from, to } = Object.fromEntries(new URL(page.url()).searchParams);
  assert.ok(from > "2026-06-08" && to < "2026-06-22" && from < to, `${from} to ${to}`);
  await agreesWithApi(page, { groupBy: "model", from, to, zone: "UTC" });
  await page.goBack();
  await shows(page, { groupBy: "model", from: "2026-06-01", to: "2026-06-30", zone: "UTC" });
});

test("the chart downloads as a picture and as the API's CSV", async (t) => {
  const page = await signedIn(t);
  await chooseZone(page, "UTC");
  await chooseCustomRange(page, "2026-06-01", "2026-06-30");
  await shows(page, { groupBy: "model", from: "2026-06-01", to: "2026-06-30", zone: "UTC" });
  await page.locator(".chart[data-drawn=true]").waitFor();

  const fetched = async (testId) => {
    await page.getByTestId("download-button").click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId(testId).click()]);
    const parts = [];
    for await (const part of await download.createReadStream()) parts.push(part);
    return { name: download.suggestedFilename(), bytes: Buffer.concat(parts) };
  };
  const box = await page.locator(".chart").boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.locator(".tooltip").waitFor();
  const picture = await fetched("download-png");
  assert.equal(picture.name, "northwind-cost-by-model-2026-06-UTC.png");
  assert.deepEqual([...picture.bytes.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
  assert.ok((await shareOfLegendColours(page, picture.bytes)) > 0.1, "the bars are in the picture, pointed at or not");

  const file = await fetched("download-csv");
  const csv = await page.evaluate(async () => {
    const query = "organizationId=northwind&from=2026-06-01&to=2026-06-30&timezone=UTC&groupBy=model&format=csv";
    return (await fetch(`/analytics/activity?${query}`)).text();
  });
  assert.equal(file.bytes.toString("utf8"), csv);
});

/** How much of a picture has a colour of the legend. */
function shareOfLegendColours(page, png) {
  return page.evaluate(async (base64) => {
    const colours = [...document.querySelectorAll(".legend .swatch")].map((swatch) =>
      getComputedStyle(swatch).backgroundColor.match(/\d+/g).join(),
    );
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    let coloured = 0;
    for (let i = 0; i < data.length; i += 4) if (colours.includes(data.slice(i, i + 3).join())) coloured++;
    return coloured / (data.length / 4);
  }, png.toString("base64"));
}

test("the first page sends at most 130 kB of JavaScript", async (t) => {
  const page = await open(t, null);
  const scripts = new Set();
  page.on("response", (response) => response.url().endsWith(".js") && scripts.add(response));
  await page.goto(link);
  await ready(page);
  await page.locator(".chart[data-drawn=true]").waitFor();
  const first = [...scripts];
  let bytes = 0;
  for (const script of first) bytes += (await script.request().sizes()).responseBodySize;
  assert.ok(bytes > 0 && bytes <= 130_000, `${bytes} bytes in ${first.length} files`);
});

test("filters narrow every figure, stand in the address and are lifted by a click", async (t) => {
  const page = await signedIn(t);
  await page.goto(`${origin}/organizations/northwind/analytics?from=2026-06-01&to=2026-06-30&tz=UTC&by=provider`);
  await ready(page);
  const row = page.getByTestId("ranking-row").nth(1);
  const provider = await row.getAttribute("data-key");
  await row.getByTestId("filter-entry").click();
  await page.waitForURL((url) => url.searchParams.get("provider") === provider);
  await page.getByTestId("groupby-source").click();
  await page.waitForURL(/by=source/);
  await shows(page, { groupBy: "source", from: "2026-06-01", to: "2026-06-30", zone: "UTC" });

  const answer = await page.evaluate(async (provider) => {
    const query = `organizationId=northwind&from=2026-06-01&to=2026-06-30&timezone=UTC&groupBy=source&provider=${provider}`;
    return (await fetch(`/analytics/activity?${query}`)).json();
  }, provider);
  for (const [metric, field] of Object.entries(FIELDS)) {
    assert.equal(Number(await exact(page, metric)), answer.totals[field], metric);
  }
  await accessible(page, "filters");
  await page.getByTestId("chip").click();
  await page.waitForURL((url) => !url.searchParams.has("provider"));
  await page.goBack();
  await page.getByTestId("chip").waitFor();
  await page.getByTestId("filters-clear").click();
  await page.getByTestId("filters").waitFor({ state: "detached" });
});

test("signing out asks for a token again, in place", async (t) => {
  const page = await signedIn(t);
  const where = page.url();
  // What is asked while it signs out is refused, and the console says so.
  await page.waitForLoadState("networkidle");
  await page.getByTestId("signout").first().click();
  await page.getByTestId("signin-token").fill(new URLSearchParams(new URL(link).hash.slice(1)).get("token"));
  await page.getByTestId("signin-submit").click();
  await ready(page);
  assert.equal(page.url(), where);
});

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [LAPTOP, PHONE]) {
    test(`axe finds nothing: ${colorScheme}, ${viewport.width} px`, async (t) => {
      const page = await signedIn(t, { colorScheme, viewport });
      await page.locator(".chart[data-drawn=true]").waitFor();
      await accessible(page, "analytics");
      await withinWidth(page, "analytics");

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
      await withinWidth(page, "chart as a table");

      await page.getByTestId("chart-kind-lines").click();
      await page.locator(".chart[data-drawn=true]").waitFor();
      await accessible(page, "lines");

      for (const by of ["project", "apiKey", "user"]) {
        await page.getByTestId(`groupby-${by}`).click();
        await page.waitForURL(new RegExp(`by=${by}`));
        await ready(page);
        await accessible(page, `by ${by}`);
        await withinWidth(page, `by ${by}`);
      }

      await page.goto(`${origin}/organizations/northwind/analytics?from=2020-01-01&to=2020-01-05&tz=UTC`);
      await page.getByTestId("notice").waitFor();
      await accessible(page, "nothing in the range");
      await withinWidth(page, "nothing in the range");

      if (viewport === PHONE) {
        await page.getByRole("button", { name: "Open menu" }).click();
        await page.getByRole("dialog").getByTestId("nav-members").waitFor();
        await accessible(page, "the drawer");
        await page.keyboard.press("Escape");
      }

      await page.goto(`${origin}/organizations/nowhere/analytics`);
      await page.getByTestId("notice").waitFor();
      await accessible(page, "an unknown organization");
    });
  }
}

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing on the sign-in page: ${colorScheme}`, async (t) => {
    const page = await open(t, null, { colorScheme, viewport: PHONE });
    await page.goto(origin);
    await page.getByTestId("signin-token").waitFor();
    await accessible(page, "sign-in");
    await withinWidth(page, "sign-in");
  });
}

test("what it would have cost on another model is an estimate of the same days, beside what each cost", async (t) => {
  const page = await signedIn(t);
  await chooseZone(page, "UTC");
  await chooseCustomRange(page, "2026-06-01", "2026-06-30");
  await shows(page, { groupBy: "model", from: "2026-06-01", to: "2026-06-30", zone: "UTC" });
  await page.getByTestId("card-tokens").getByText("per million tokens").waitFor();
  await page.getByTestId("what-if-model").fill("gpt-4o-mini");
  await page.getByTestId("what-if-ask").click();
  const estimate = page.getByTestId("what-if-estimate");
  await estimate.waitFor();
  const answer = await page.evaluate(async () => {
    const organizationId = decodeURIComponent(location.pathname.split("/")[2]);
    const query = new URLSearchParams({ organizationId, from: "2026-06-01", to: "2026-06-30", onModel: "gpt-4o-mini", decimals: "string" });
    return (await fetch(`/analytics/what-if?${query}`)).json();
  });
  assert.equal(await estimate.getAttribute("data-exact"), answer.totals.estimate);
  for (const viewport of [LAPTOP, PHONE]) {
    await page.setViewportSize(viewport);
    await accessible(page, "an estimate");
    await withinWidth(page, "an estimate");
  }
  await page.setViewportSize(LAPTOP);
  // What somebody would have believed: that with a filter it is still of everything, or that it cannot be asked.
  await page.getByTestId("groupby-project").click();
  await page.locator("[data-testid=activity][data-answer^='project '][aria-busy=false]").waitFor();
  const first = page.getByTestId("ranking-row").first();
  const projectId = await first.getAttribute("data-key");
  await first.getByTestId("filter-entry").click();
  const ofProject = await page.evaluate(async (projectId) => {
    const organizationId = decodeURIComponent(location.pathname.split("/")[2]);
    const query = new URLSearchParams({ organizationId, projectId, from: "2026-06-01", to: "2026-06-30", onModel: "gpt-4o-mini", decimals: "string" });
    return (await fetch(`/analytics/what-if?${query}`)).json();
  }, projectId);
  assert.notEqual(ofProject.totals.estimate, answer.totals.estimate);
  await page.locator(`[data-testid=what-if-estimate][data-exact="${ofProject.totals.estimate}"]`).waitFor();
});

test("what caches saved stands beside models, keys and members, and adds up", async (t) => {
  const page = await signedIn(t);
  await visit(page, `${NORTHWIND}/analytics?${JUNE}&by=model`, "analytics");
  const answerOf = (groupBy, more = {}) => askApi(page, "/analytics/cache-saving", { ...JUNE_QUERY, groupBy, ...more });
  const cards = (place) => place.getByTestId("cache-saving");
  const models = await answerOf("model");
  assert.equal(models.totals.unpricedCachedTokens, "0");
  assert.equal(await cards(page.getByTestId("card-tokens")).getAttribute("value"), models.totals.cacheSaving);
  const rowsAre = async (row, entries) => {
    const [first] = entries;
    const place = page.locator(`[data-testid=${row}][data-key="${first.key}"]`);
    assert.equal(await cards(place).getAttribute("value"), first.cacheSaving);
    assert.match(await cards(place).innerText(), /^≈ \$[\d,.]+ saved$/);
  };
  await rowsAre("ranking-row", models.entries);
  const foot = cards(page.getByTestId("ranking-foot"));
  assert.equal(await foot.getAttribute("value"), models.totals.cacheSaving);
  for (const [path, groupBy, filter] of [
    ["members", "user", "userId"],
    ["keys", "apiKey", "apiKeyId"],
  ]) {
    await visit(page, `${NORTHWIND}/${path}?${JUNE}`, path);
    const { entries, totals } = await answerOf(groupBy);
    await rowsAre("list-row", entries);
    assert.equal(await cards(page.getByTestId("list-foot")).getAttribute("value"), totals.cacheSaving);
    await withinWidth(page, path);
    const [{ key, cacheSaving }] = entries;
    await visit(page, `${NORTHWIND}/${path}/${encodeURIComponent(key)}?${JUNE}`, groupBy === "user" ? "member" : "key");
    assert.equal(await cards(page.getByTestId("card-tokens")).getAttribute("value"), cacheSaving);
    assert.equal((await answerOf("none", { [filter]: key })).totals.cacheSaving, cacheSaving);
  }
});

test("digits past a double's are kept", async (t) => {
  const page = await open(t, null);
  const long = "1234567.123456789012";
  await page.route("**/analytics/activity?**", async (route) => {
    const response = await route.fetch();
    const text = (await response.text()).replace(/"totals":\{"cost":[0-9.]+/, `"totals":{"cost":${long}`);
    await route.fulfill({ response, body: text });
  });
  await page.goto(link);
  await ready(page);
  assert.equal(await exact(page, "cost"), long);
});
