// German, as the proof that a language is one file: chosen by the browser or by hand, on every page.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accessible,
  ask,
  exact,
  JUNE,
  JUNE_QUERY,
  LAPTOP,
  NORTHWIND,
  open,
  PHONE,
  ready,
  visit,
  withinWidth,
} from "./browser.mjs";
import { DEVELOPER_LINK, LINK } from "./demo.mjs";

const german = { locale: "de-AT" };

test("a German browser gets German, with figures and dates as its region writes them", async (t) => {
  const page = await open(t, LINK, german);
  await visit(page, `${NORTHWIND}/analytics?${JUNE}&by=user`, "analytics");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  await page.getByRole("heading", { name: "Auswertung" }).waitFor();
  await page.getByRole("heading", { name: "Kosten im Verlauf" }).waitFor();
  const { totals } = await ask(page, "/analytics/activity", { ...JUNE_QUERY, groupBy: "user" });
  assert.equal(await exact(page, "card-cost"), totals.cost);
  const written = await page.evaluate(() => {
    const dollars = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" };
    return new Intl.NumberFormat("de-AT", dollars).format(7828.8);
  });
  assert.equal(await page.getByTestId("card-cost").locator("data").innerText(), written);
  await page.getByTestId("range-button").getByText("1.–30. Juni 2026").waitFor();
  await page.getByTestId("ranking").getByText("Übrige").waitFor();
});

test("the language can be switched, holds, and takes nothing else along", async (t) => {
  const page = await open(t, LINK);
  const german = [];
  page.on("request", (request) => /\/de-[^/]*\.js$/.test(request.url()) && german.push(request.url()));
  const where = `${NORTHWIND}/analytics?${JUNE}&by=project&metric=tokens`;
  await visit(page, where, "analytics");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
  assert.deepEqual(german, [], "who reads English does not load German");

  await page.getByTestId("language").selectOption("de");
  await page.getByRole("heading", { name: "Tokens im Verlauf" }).waitFor();
  assert.ok(page.url().endsWith(where), page.url());
  await page.getByTestId("nav-members").click();
  await ready(page, "members");
  await page.reload();
  await page.getByRole("heading", { name: "Mitglieder" }).waitFor();

  await page.getByTestId("language").selectOption("en");
  await page.getByRole("heading", { name: "Members" }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("rollcall.language")), null, "the browser is followed again");
});

const pages = [
  ["analytics", `analytics?${JUNE}&by=apiKey&then=user`],
  ["analytics", "analytics?range=today&tz=UTC&chart=table&model=gpt-4o"],
  ["members", `members?${JUNE}`],
  ["member", `members/user_dmitri?${JUNE}`],
  ["keys", `keys?${JUNE}`],
  ["key", `keys/key_prod_checkout-summaries?${JUNE}`],
  ["mine", `my-usage?${JUNE}`],
];

// Colors are the same in every language, lengths of words are not.
for (const [viewport, colorScheme] of [
  [LAPTOP, "light"],
  [PHONE, "dark"],
]) {
  test(`axe finds nothing in German: ${colorScheme}, ${viewport.width} px`, async (t) => {
    const page = await open(t, LINK, { ...german, colorScheme, viewport });
    for (const [testId, path] of pages) {
      await visit(page, `${NORTHWIND}/${path}`, testId);
      await accessible(page, path);
      await withinWidth(page, path);
    }
    await page.goto(new URL("/reference", LINK).href);
    await ready(page, "reference");
    await page.locator("#get-analytics-members summary").first().click();
    await accessible(page, "reference");
    await withinWidth(page, "reference");

    const developer = await open(t, DEVELOPER_LINK, { ...german, colorScheme, viewport, landsOn: "mine" });
    await developer.goto(new URL(`${NORTHWIND}/members`, LINK).href);
    await developer.getByTestId("needs-role").waitFor();
    await accessible(developer, "admins only");
    await withinWidth(developer, "admins only");

    const stranger = await open(t, null, { ...german, colorScheme, viewport });
    await stranger.goto(new URL("/", LINK).href);
    await stranger.getByTestId("signin-token").waitFor();
    await accessible(stranger, "sign-in");
    await withinWidth(stranger, "sign-in");
  });
}
