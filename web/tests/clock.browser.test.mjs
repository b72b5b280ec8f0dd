// Which day it is, where days begin and what a clock in a zone shows is the server's to say: browsers whose zone rules
// and clocks say something else show the same.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exact, open, ready, visit } from "./browser.mjs";
import { serve } from "./server.mjs";

const ANALYTICS = "/organizations/acme/analytics";
/** Zones whose rules changed in 2026, so that the browser and the server may know different editions of them. */
const CHANGED = ["America/Vancouver", "America/Edmonton", "America/Winnipeg", "America/Havana", "Africa/Casablanca"];

async function acme(t) {
  const server = await serve(t);
  await server.directory({
    organizations: [{ id: "acme", name: "Acme" }],
    users: [{ id: "olga", name: "Olga" }],
    members: [{ organizationId: "acme", userId: "olga", role: "owner" }],
  });
  return { ...server, calendar: (zone) => server.get(`/v1/calendar?${new URLSearchParams({ timezone: zone })}`) };
}

/** One dollar in the last second before the server's day began, two in its first. */
async function spendAroundMidnight(server, zone) {
  const { today } = await server.calendar(zone);
  const query = new URLSearchParams({ organizationId: "acme", timezone: zone, from: today, to: today, granularity: "hour" });
  const [{ date: midnight }] = (await server.get(`/analytics/activity?${query}`)).activity;
  const spend = (cost, ms) => ({
    id: `${zone} ${cost}`,
    timestamp: new Date(Date.parse(midnight) + ms).toISOString(),
    organizationId: "acme",
    projectId: zone,
    apiKeyId: "k",
    usedModel: "openai/gpt-4o",
    cost,
  });
  await server.events([spend("1", -1000), spend("2", 0)]);
  return today;
}

/** What the page shows of days and moments, for today and the day before. */
async function shown(page, zone) {
  const of = async (range) => {
    await visit(page, `${ANALYTICS}?range=${range}&tz=${zone}&project=${zone}`, "analytics");
    const answer = await page.locator("[data-testid=activity][aria-busy=false]").getAttribute("data-answer");
    return { answer, cost: await exact(page, "card-cost"), days: await page.getByTestId("range-button").innerText() };
  };
  const [yesterday, today] = [await of("yesterday"), await of("today")];
  const asOf = page.getByTestId("as-of");
  const moment = { moment: await asOf.getAttribute("data-moment"), text: await asOf.innerText() };
  return { yesterday, today, moment, zone: await page.getByTestId("zone-button").getAttribute("title") };
}

/** The server's rules, as text of the page: for what the page shows of a zone. */
async function agrees(page, server, zone, today, what) {
  const found = await shown(page, zone);
  const dayBefore = new Date(Date.parse(`${today}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
  assert.equal(found.today.answer, `model ${today} ${today} ${zone}`, what);
  assert.equal(found.yesterday.answer, `model ${dayBefore} ${dayBefore} ${zone}`, what);
  assert.deepEqual([found.yesterday.cost, found.today.cost], ["1", "2"], what);

  const { offsets } = await server.calendar(zone);
  const { offset } = offsets.findLast(({ from }) => Date.parse(from) <= Date.parse(found.moment.moment));
  assert.equal(found.zone, `${zone} (UTC${offset.replace("-", "−")})`, what);
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(offset);
  const wall = Date.parse(found.moment.moment) + Number(`${sign}1`) * (hours * 60 + Number(minutes)) * 60_000;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: "UTC",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "numeric",
    minute: "2-digit",
  });
  assert.equal(found.moment.text, `Complete up to ${format.format(wall)}`, what);
}

test("in zones whose rules have changed the page shows the server's days", async (t) => {
  const server = await acme(t);
  const page = await open(t, await server.linkOf("olga"));
  for (const zone of CHANGED) {
    const today = await spendAroundMidnight(server, zone);
    const { now, zoneDatabase } = await server.calendar(zone);
    const browsers = await page.evaluate((zone) => {
      const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
      return format.formatToParts().find(({ type }) => type === "timeZoneName").value;
    }, zone);
    t.diagnostic(`${zone}: ${now.slice(19)} by the server's ${zoneDatabase}, ${browsers} by the browser's own rules`);
    await agrees(page, server, zone, today, zone);
  }
});

/** Before the page's own code runs: the browser takes one zone for another, and its clock is years ahead. */
async function mistake(page, zone, taken) {
  await page.clock.setFixedTime(new Date("2031-03-04T05:06:07Z"));
  await page.addInitScript(
    ({ zone, taken }) => {
      const Right = Intl.DateTimeFormat;
      const swapped = ([locales, options]) => [
        locales,
        options?.timeZone === zone ? { ...options, timeZone: taken } : options,
      ];
      Intl.DateTimeFormat = new Proxy(Right, {
        construct: (_, given) => new Right(...swapped(given)),
        apply: (_, __, given) => new Right(...swapped(given)),
      });
      const { resolvedOptions } = Right.prototype;
      Right.prototype.resolvedOptions = function () {
        const options = resolvedOptions.call(this);
        return options.timeZone === taken ? { ...options, timeZone: zone } : options;
      };
    },
    { zone, taken },
  );
}

test("a browser that knows the zone wrongly, and whose clock is wrong, shows what another one does", async (t) => {
  const server = await acme(t);
  const zone = "America/Vancouver";
  const today = await spendAroundMidnight(server, zone);
  // Of the zones that are furthest apart, the one where it is another day now.
  const zones = ["Pacific/Kiritimati", "Pacific/Pago_Pago"];
  const days = await Promise.all(zones.map(async (one) => (await server.calendar(one)).today));
  const taken = zones[days.findIndex((day) => day !== today)];
  const page = await open(t, null, { timezoneId: taken });
  await mistake(page, zone, taken);
  await page.goto(await server.linkOf("olga"));
  await ready(page);
  const believed = await page.evaluate(
    (zone) => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(new Date()),
    zone,
  );
  assert.match(believed, /^2031-03-/, "the browser is mistaken");
  assert.match(page.url(), new RegExp(`tz=${zone}`), "by name it is in the right zone");
  await agrees(page, server, zone, today, "the mistaken browser");
});

/** Has the server say something else of every zone's days. */
async function tell(page, server, otherwise) {
  const answer = await server.calendar("UTC");
  await page.route("**/v1/calendar?*", (route) => {
    const timezone = new URL(route.request().url()).searchParams.get("timezone");
    return route.fulfill({ json: { ...answer, timezone, ...otherwise(answer) } });
  });
}

test("a page that is left open moves on when the server says that it is another day", async (t) => {
  const server = await acme(t);
  const page = await open(t, null);
  const { today } = await server.calendar("UTC");
  const tomorrow = new Date(Date.parse(`${today}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  const told = [
    { today, now: `${today}T23:59:59+00:00`, nextDayAt: `${tomorrow}T00:00:00+00:00` },
    { today: tomorrow, now: `${tomorrow}T00:00:01+00:00`, nextDayAt: `${tomorrow}T23:59:59+00:00` },
  ];
  await tell(page, server, () => (told.length > 1 ? told.shift() : told[0]));
  await page.goto(await server.linkOf("olga"));
  await ready(page);
  await page.goto(`${server.url}${ANALYTICS}?range=today&tz=UTC`);
  await page.locator(`[data-testid=activity][data-answer="model ${tomorrow} ${tomorrow} UTC"]`).waitFor();
});

test("when rules change under an open page, what it shows is asked for anew", async (t) => {
  const server = await acme(t);
  const page = await open(t, null);
  const edition = { zoneDatabase: "2025a" };
  // As if the day ended now, so that the page asks again within a second.
  await tell(page, server, ({ now }) => ({ ...edition, nextDayAt: now }));
  await page.goto(await server.linkOf("olga"));
  await ready(page);
  // Days that are over, which are not asked about again by themselves.
  await visit(page, `${ANALYTICS}?from=2026-01-01&to=2026-01-31&tz=UTC`, "analytics");
  const again = page.waitForRequest((request) => /activity.*from=2026-01-01/.test(request.url()));
  edition.zoneDatabase = "2026f";
  await again;
});

test("an address whose zone the server does not know says so, and shows no other figures", async (t) => {
  const server = await acme(t);
  const page = await open(t, await server.linkOf("olga"), { mayRefuse: true });
  await page.goto(`${server.url}${ANALYTICS}?range=today&tz=Mars/Olympus&by=user`);
  await page.getByTestId("link-fault").getByText("tz=Mars/Olympus").waitFor();
  assert.equal(await page.getByTestId("analytics").count(), 0);
  await page.getByRole("link", { name: "Show it in my own time zone" }).click();
  await page.waitForURL(/range=today&tz=Europe\/Paris&by=user/);
  await ready(page);
});

test("a link whose days are none says which part was not understood, and shows no other days", async (t) => {
  const server = await acme(t);
  const page = await open(t, await server.linkOf("olga"));
  for (const [query, part] of [
    ["from=2026-02-30&to=2026-03-01&tz=UTC", "from=2026-02-30"],
    ["from=2026-06-02&to=2026-06-01&tz=UTC", "to=2026-06-01"],
    ["range=last-fortnight&tz=UTC", "range=last-fortnight"],
  ]) {
    await page.goto(`${server.url}${ANALYTICS}?${query}&by=user`);
    await page.getByTestId("link-fault").getByText(part).waitFor();
    assert.equal(await page.locator("[data-exact]").count(), 0, query);
  }
  await page.getByRole("link", { name: "Back to the last 30 days" }).click();
  await page.waitForURL(/range=last-30-days&tz=UTC&by=user/);
  await ready(page);
});

test("zones to choose from are those that the server knows, with its offsets", async (t) => {
  const server = await acme(t);
  const page = await open(t, await server.linkOf("olga"));
  const { zones } = await server.get("/v1/calendar/zones");
  const offsets = new Map(zones.map(({ timezone, offset }) => [timezone, offset]));
  await page.getByTestId("zone-button").click();
  await page.getByTestId("zone-option-UTC").waitFor();
  const offered = await page.locator("[data-testid^=zone-option-]").evaluateAll((all) =>
    all.map((one) => [one.dataset.testid.slice("zone-option-".length), one.querySelector(".zone-offset").lastChild.textContent]),
  );
  assert.ok(offered.length > 400, `${offered.length} zones`);
  for (const [zone, text] of offered) assert.equal(text, `UTC${offsets.get(zone)?.replace("-", "−")}`, zone);
  assert.equal(new Set(offered.map(([zone]) => zone)).size, offered.length, "each is there once");
});
