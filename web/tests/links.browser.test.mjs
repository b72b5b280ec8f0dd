// Links: an owner makes an address that answers by itself, copies the lines for it, and takes it back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, LAPTOP, open, PHONE, ready, visit, withinWidth } from "./browser.mjs";
import { serve } from "./server.mjs";

const PART = "/organizations/acme/settings/links";

async function acme(t) {
  const server = await serve(t);
  await server.directory({
    organizations: [{ id: "acme", name: "Acme", timezone: "Europe/Paris" }],
    users: [{ id: "olga", name: "Olga" }],
    members: [{ organizationId: "acme", userId: "olga", role: "owner" }],
  });
  return server;
}

const rows = (page) => page.getByTestId("links-table").getByTestId("entry-row");
const shown = (page, what) => page.getByTestId(what).locator("code").innerText();

test("an owner makes a link, whose address answers by itself until it is revoked", async (t) => {
  const server = await acme(t);
  const page = await open(t, await server.linkOf("olga"));
  await page.getByTestId("nav-settings").click();
  await ready(page, "settings");
  await page.getByTestId("part-links").click();
  await page.getByTestId("links-table").waitFor();
  await page.getByTestId("add").click();
  await page.getByTestId("dialog-submit").click();
  const address = await shown(page, "link-address");
  assert.match(address, /\/v1\/links\/rc_link_[0-9a-f]{64}\.csv$/);
  assert.equal(await shown(page, "link-sheets"), `=IMPORTDATA("${address}")`);
  assert.ok((await shown(page, "link-duckdb")).includes(address));
  const answer = await fetch(address);
  assert.equal(answer.status, 200);
  assert.ok((await answer.text()).startsWith("date,"));
  await page.getByTestId("secret-done").click();
  assert.equal(await rows(page).count(), 1);
  await rows(page).getByText("/analytics/activity?groupBy=project&range=this-month").waitFor();
  assert.ok(!(await page.content()).includes(address), "shown once");
  const { links } = await server.get("/v1/links?organizationId=acme");
  assert.equal(links[0].madeByName, "Olga");
  assert.ok(links[0].question.endsWith("timezone=Europe%2FParis"), "in the organization's zone");

  await page.getByTestId("revoke").click();
  await page.getByTestId("dialog-submit").click();
  await page.getByTestId("dialog").waitFor({ state: "detached" });
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=entry-row]").length === 0);
  assert.equal((await fetch(address)).status, 404);
});

test("a question of one's own is refused with the server's reason, and the page is read by everybody", async (t) => {
  const server = await acme(t);
  const page = await open(t, await server.linkOf("olga"), { mayRefuse: true });
  for (const size of [LAPTOP, PHONE]) {
    await page.setViewportSize(size);
    await visit(page, PART, "settings");
    await page.getByTestId("links-table").waitFor();
    await accessible(page);
    await withinWidth(page);
  }
  await page.getByTestId("add").click();
  await page.getByTestId("field-question").selectOption("other");
  await page.getByTestId("field-path").fill("/analytics/activity?groupBy=colour");
  await page.getByTestId("dialog-submit").click();
  await page.getByTestId("dialog").getByText("groupBy is 'colour'").waitFor();
  await accessible(page);
  await page.getByTestId("field-question").selectOption("rollups");
  await page.getByTestId("field-format").selectOption("parquet");
  await page.getByTestId("dialog-submit").click();
  assert.match(await shown(page, "link-duckdb"), /^FROM read_parquet\('.*\.parquet'\);$/);
  assert.equal(await page.getByTestId("link-sheets").count(), 0);
});
