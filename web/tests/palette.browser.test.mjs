// Getting around: the palette, saved views and links.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, JUNE, LAPTOP, NORTHWIND, open, PHONE, ready, visit, withinWidth } from "./browser.mjs";
import { DEVELOPER_LINK, LINK } from "./demo.mjs";

const ANALYTICS = `${NORTHWIND}/analytics`;

async function search(page, query) {
  await page.keyboard.press("Control+K");
  await page.getByTestId("palette-input").fill(query);
}

const first = (page, kind) => page.getByTestId(`palette-${kind}`).first();

test("the palette leads to every kind of thing, by keyboard alone, and takes the days along", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${ANALYTICS}?${JUNE}&by=project`, "analytics");
  for (const [query, kind, key, where, address] of [
    ["dmitri", "members", "user_dmitri", "member", `/members/user_dmitri?${JUNE}`],
    ["checkout summ", "keys", "key_prod_checkout-summaries", "key", `/keys/key_prod_checkout-summaries?${JUNE}`],
    ["tools", "projects", "proj_tools", "keys", `/keys?${JUNE}&project=proj_tools`],
    ["members", "pages", "members", "members", `/members?${JUNE}`],
    ["gpt-4o", "models", "gpt-4o", "analytics", `/analytics?${JUNE}&by=project&metric=cost&model=gpt-4o`],
  ]) {
    await search(page, query);
    const entry = page.locator(`[data-testid=palette-${kind}][data-key="${key}"]`);
    await entry.waitFor();
    for (let i = 0; i < 30 && (await entry.getAttribute("aria-selected")) !== "true"; i++) await page.keyboard.press("ArrowDown");
    const input = page.getByTestId("palette-input");
    assert.equal(await input.getAttribute("aria-activedescendant"), await entry.getAttribute("id"), "readers are told");
    await page.keyboard.press("Enter");
    await ready(page, where);
    assert.ok(page.url().includes(address), `${page.url()} for ${query}`);
    assert.equal(await page.getByTestId("palette").count(), 0);
  }
});

test("the palette changes the range of the page one is on, back undoes it", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${ANALYTICS}?${JUNE}&by=project&metric=cost&per=hour`, "analytics");
  await search(page, "yesterday");
  await first(page, "ranges").waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.search === "?range=yesterday&tz=UTC&by=project&metric=cost");
  await page.goBack();
  await page.waitForURL(/from=2026-06-01/);
  for (const [query, from, to] of [
    ["2026-05", "2026-05-01", "2026-05-31"],
    ["2026-05-03 2026-05-09", "2026-05-03", "2026-05-09"],
    ["june 2026", "2026-06-01", "2026-06-30"],
  ]) {
    await search(page, query);
    await first(page, "ranges").waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.searchParams.get("from") === from && url.searchParams.get("to") === to);
  }
});

test("the palette lists what its reader may open", async (t) => {
  const page = await open(t, DEVELOPER_LINK, { landsOn: "mine" });
  await page.getByTestId("search-button").first().click();
  await first(page, "pages").waitFor();
  const pages = await page.getByTestId("palette-pages").evaluateAll((all) => all.map((one) => one.dataset.key));
  assert.deepEqual(pages, ["keys", "mine", "reference"]);
  await page.getByTestId("palette-input").fill("nobody by this name");
  await page.locator(".command-empty").waitFor();
  await page.keyboard.press("Escape");
  await page.getByTestId("palette").waitFor({ state: "detached" });
  // The dialog gives it back once it has gone.
  await page.locator("[data-testid=search-button]:focus").waitFor();
});

test("a view is shared under a name, found by everybody in the menu and the palette, renamed and deleted", async (t) => {
  const page = await open(t, LINK);
  const where = `${ANALYTICS}?${JUNE}&by=project&metric=tokens&chart=lines`;
  await visit(page, where, "analytics");
  await page.getByTestId("views-button").click();
  await page.getByTestId("view-name").fill("June, tokens");
  await page.keyboard.press("Enter");
  await page.getByTestId("view-link").and(page.locator("[aria-current=page]")).waitFor();
  await page.keyboard.press("Escape");

  await visit(page, `${NORTHWIND}/members?${JUNE}`, "members");
  await search(page, "june tok");
  await first(page, "views").click();
  await ready(page, "analytics");
  assert.ok(page.url().endsWith(where), page.url());

  await page.getByTestId("views-button").click();
  await page.getByTestId("view-rename").click();
  await page.getByTestId("view-new-name").fill("Tokens");
  await page.keyboard.press("Enter");
  await page.getByTestId("view-link").getByText("Tokens", { exact: true }).waitFor();
  await page.reload();
  await ready(page, "analytics");

  // Everybody in the organization has it, and may change it who made it or runs the organization.
  const developer = await open(t, DEVELOPER_LINK, { landsOn: "mine", mayRefuse: true });
  await developer.getByTestId("views-button").click();
  await developer.getByTestId("view-link").waitFor();
  assert.equal(await developer.getByTestId("view-link").innerText(), "Tokens");
  assert.equal(await developer.getByTestId("view-remove").count(), 0);
  await developer.getByTestId("view-name").fill("Tokens");
  await developer.keyboard.press("Enter");
  await developer.getByTestId("views-fault").getByText("there is a view 'Tokens' already").waitFor();
  await developer.getByTestId("view-name").fill("Mine");
  await developer.keyboard.press("Enter");
  await developer.getByTestId("view").nth(1).waitFor();
  assert.equal(await developer.getByTestId("view-remove").count(), 1, "their own");

  await page.getByTestId("views-button").click();
  await page.getByTestId("view").nth(1).waitFor();
  for (const left of [1, 0]) {
    await page.getByTestId("view-remove").first().click();
    await page.waitForFunction((left) => document.querySelectorAll("[data-testid=view]").length === left, left);
  }
});

// What somebody would have believed: that what they had saved is gone, or that everybody has it without being asked.
test("views that this browser kept are offered to be shared, once", async (t) => {
  const page = await open(t, LINK);
  const path = `${ANALYTICS}?${JUNE}&by=project`;
  await page.evaluate(async (path) => {
    const { user } = await (await fetch("/v1/me")).json();
    const kept = [{ name: "Kept", path }, { name: "Elsewhere", path: "/organizations/other/analytics" }, { name: 1 }];
    localStorage.setItem(`rollcall.views.${user.id}`, JSON.stringify(kept));
  }, path);
  await visit(page, ANALYTICS, "analytics");
  await page.getByTestId("views-button").click();
  await page.getByTestId("kept-views").getByText("Kept").waitFor();
  assert.equal(await page.getByTestId("view").count(), 0, "nothing is shared unasked");
  await accessible(page, "kept views");
  await page.getByTestId("share-kept").click();
  await page.getByTestId("view-link").getByText("Kept").waitFor();
  await page.getByTestId("kept-views").waitFor({ state: "detached" });
  await page.reload();
  await ready(page);
  await page.getByTestId("views-button").click();
  await page.getByTestId("view-link").waitFor();
  assert.equal(await page.getByTestId("kept-views").count(), 0);
  const left = await page.evaluate(() => Object.entries(localStorage).find(([key]) => key.startsWith("rollcall.views."))[1]);
  assert.deepEqual(JSON.parse(left), [{ name: "Elsewhere", path: "/organizations/other/analytics" }], "another organization's are offered there");
  await page.getByTestId("view-remove").click();
  await page.getByTestId("view").waitFor({ state: "detached" });
});

test("the link on the clipboard shows exactly what its sender sees", async (t) => {
  const page = await open(t, LINK, { permissions: ["clipboard-read", "clipboard-write"] });
  await visit(page, `${ANALYTICS}?${JUNE}&by=project&hide=proj_tools`, "analytics");
  await page.getByTestId("views-button").click();
  await page.getByTestId("copy-link").click();
  await page.getByRole("status").getByText("Copied").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url());
});

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [LAPTOP, PHONE]) {
    test(`axe finds nothing in the palette and the views: ${colorScheme}, ${viewport.width} px`, async (t) => {
      const page = await open(t, LINK, { colorScheme, viewport });
      await page.getByTestId("search-button").and(page.locator(":visible")).click();
      await first(page, "ranges").waitFor();
      await accessible(page, "the palette");
      await page.getByTestId("palette-input").fill("a");
      await first(page, "keys").waitFor();
      await accessible(page, "what the palette found");
      await page.getByTestId("palette-input").fill("nobody by this name");
      await page.locator(".command-empty").waitFor();
      await accessible(page, "the palette without a match");
      await withinWidth(page, "the palette");
      await page.keyboard.press("Escape");

      await page.getByTestId("views-button").click();
      await page.getByTestId("view-name").fill("A view with a name that is as long as names of views can be, and then some more");
      await page.keyboard.press("Enter");
      await page.getByTestId("view").waitFor();
      await accessible(page, "saved views");
      await page.getByTestId("view-rename").click();
      await accessible(page, "renaming a view");
      await withinWidth(page, "saved views");
    });
  }
}
