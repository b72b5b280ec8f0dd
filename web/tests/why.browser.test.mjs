// Why a window cost more than the one before, and where a figure comes from: what the page says is what the API says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, ask, JUNE, JUNE_QUERY, LAPTOP, NORTHWIND, open, PHONE, visit, withinWidth } from "./browser.mjs";
import { DEVELOPER_LINK, LINK } from "./demo.mjs";


test("why the month cost more is told in a waterfall and sentences of one answer", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${NORTHWIND}/analytics?${JUNE}&by=project`, "analytics");
  await page.getByTestId("waterfall").waitFor();
  const asked = new URL(await page.evaluate(() => performance.getEntriesByType("resource").findLast(({ name }) => name.includes("/analytics/change?")).name));
  const answer = await ask(page, "/analytics/change", Object.fromEntries(asked.searchParams));
  const shown = await page.locator(".waterfall-row").evaluateAll((rows) => rows.map((row) => [row.dataset.cause, row.dataset.exact]));
  const expected = [["before", answer.before.cost], ...answer.parts.map(({ cause, cost }) => [cause, cost]), ["after", answer.after.cost]];
  assert.deepEqual(shown, expected);
  const sentences = await page.getByTestId("change-sentence").allInnerTexts();
  assert.ok(sentences.length > 0 && sentences.length <= 5, `${sentences.length} sentences`);
  const largest = answer.parts.flatMap(({ items }) => items).map(({ label }) => label);
  assert.ok(sentences.every((sentence) => largest.some((label) => sentence.startsWith(label))), sentences.join("\n"));
  assert.equal(asked.searchParams.get("groupBy"), "project");
});

for (const [where, path, row] of [
  ["analytics", `analytics?${JUNE}&by=project`, "ranking-row"],
  ["members", `members?${JUNE}`, "list-row"],
  ["keys", `keys?${JUNE}`, "list-row"],
]) {
  test(`a figure of ${where} opens where it comes from, and gives the focus back`, async (t) => {
    const page = await open(t, LINK);
    await visit(page, `${NORTHWIND}/${path}`, where);
    const first = page.getByTestId(row).first();
    const [key, cost] = await first.evaluate((row) => [row.dataset.key, row.querySelector("[data-field=cost]").dataset.exact]);
    const figure = first.locator("[data-field=cost]").getByTestId("explain");
    await figure.click();
    assert.ok(page.url().includes(path.split("?")[0]), "the row leads nowhere by it");
    const value = page.getByTestId("explain-value");
    await value.waitFor();
    assert.equal(await value.getAttribute("data-exact"), cost);
    const groupBy = { analytics: "project", members: "user", keys: "apiKey" }[where];
    const answer = await ask(page, "/analytics/explain", { ...JUNE_QUERY, groupBy, key });
    assert.equal(answer.value.cost, cost);
    assert.equal(await page.getByTestId("explain-part").count(), answer.parts.length);
    const again = await page.getByTestId("explain-panel").locator(".snippet code").allInnerTexts();
    assert.deepEqual(again, [answer.reproduce.cli, answer.reproduce.http]);
    await page.keyboard.press("Escape");
    await value.waitFor({ state: "detached" });
    await page.waitForFunction(() => document.activeElement?.dataset.testid === "explain");
    assert.ok(await figure.evaluate((button) => button === document.activeElement));
  });
}

test("a card and a cell of the table open their own figure", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${NORTHWIND}/analytics?${JUNE}&by=model`, "analytics");
  const value = page.getByTestId("explain-value");
  const card = await page.getByTestId("card-cost").locator("[data-exact]").getAttribute("data-exact");
  await page.getByTestId("card-cost").getByTestId("explain").click();
  await value.waitFor();
  assert.equal(await value.getAttribute("data-exact"), card);
  await page.keyboard.press("Escape");
  await page.getByTestId("chart-kind-table").click();
  const cell = page.getByTestId("chart-table").locator("td[data-field=total]").nth(11);
  await cell.getByTestId("explain").click();
  await value.waitFor();
  const answer = await ask(page, "/analytics/explain", { ...JUNE_QUERY, groupBy: "model", date: "2026-06-12" });
  assert.equal(await value.getAttribute("data-exact"), answer.value.cost);
});

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [LAPTOP, PHONE]) {
    test(`axe finds nothing where a figure is explained: ${colorScheme}, ${viewport.width} px`, async (t) => {
      const page = await open(t, LINK, { colorScheme, viewport });
      await visit(page, `${NORTHWIND}/analytics?${JUNE}&by=project&then=model`, "analytics");
      await page.getByTestId("waterfall").waitFor();
      await accessible(page, "change");
      await withinWidth(page, "change");
      await page.getByTestId("ranking-row").first().getByTestId("explain").first().click();
      await page.getByTestId("explain-value").waitFor();
      await accessible(page, "explain");
      await withinWidth(page, "explain");
    });
  }
}

test("readers who may not see the organization have figures that open nothing", async (t) => {
  const page = await open(t, DEVELOPER_LINK, { landsOn: "mine" });
  await visit(page, `${NORTHWIND}/keys?${JUNE}`, "keys");
  await page.getByTestId("list-row").first().waitFor();
  assert.equal(await page.getByTestId("explain").count(), 0);
});
