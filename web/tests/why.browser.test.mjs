// Why a window cost more than the one before, and where a figure comes from: what the page says is what the API says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, ask, JUNE, JUNE_QUERY, LAPTOP, NORTHWIND, open, PHONE, visit, withinWidth } from "./browser.mjs";
import { DEVELOPER_LINK, LINK } from "./demo.mjs";


test("why the month cost more is told in a waterfall and sentences of one answer", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${NORTHWIND}/analytics?${JUNE}&by=project`, "analytics");
  await page.getByTestId("waterfall").waitFor();
  const resources = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
  // Sentences ask what moved inside, by something else.
  const asked = resources
    .map((name) => new URL(name))
    .find(({ pathname, searchParams }) => pathname === "/analytics/change" && searchParams.get("groupBy") === "project");
  const answer = await ask(page, "/analytics/change", Object.fromEntries(asked.searchParams));
  const shown = await page.locator(".waterfall-row").evaluateAll((rows) => rows.map((row) => [row.dataset.cause, row.dataset.exact]));
  const expected = [["before", answer.before.cost], ...answer.parts.map(({ cause, cost }) => [cause, cost]), ["after", answer.after.cost]];
  assert.deepEqual(shown, expected);
  const sentences = await page.getByTestId("change-sentence").allInnerTexts();
  assert.ok(sentences.length > 0 && sentences.length <= 5, `${sentences.length} sentences`);
  const largest = answer.parts.flatMap(({ items }) => items).map(({ label }) => label);
  assert.ok(sentences.every((sentence) => largest.some((label) => sentence.startsWith(label))), sentences.join("\n"));
});

const MOVED = { compareFrom: "2026-05-01", compareTo: "2026-05-31" };

/** Of an answer as its texts: the item that moved most in the direction of all. */
function movedMost({ difference, parts }) {
  const items = parts.flatMap(({ cause, items }) => items.map((item) => ({ ...item, cause })));
  return items.sort((a, b) => (b.cost - a.cost) * Math.sign(difference))[0];
}

test("each sentence says what moved most inside, a moment later and without moving", async (t) => {
  for (const viewport of [LAPTOP, PHONE]) {
    const page = await open(t, LINK, { viewport });
    let release;
    const released = new Promise((resolve) => (release = resolve));
    await page.route(/analytics\/change\?.*groupBy=apiKey/, async (route) => {
      await released;
      await route.continue();
    });
    await visit(page, `${NORTHWIND}/analytics?${JUNE}&by=project`, "analytics");
    const sentences = page.getByTestId("change-sentence");
    await sentences.first().waitFor();
    const places = () => sentences.evaluateAll((all) => all.map((one) => [one.offsetTop, one.offsetHeight]));
    const before = await places();
    assert.equal(await page.getByTestId("change-inside").count(), 0, "a sentence is there before its inside");
    release();
    const asked = await sentences.evaluateAll((all) => all.map(({ dataset }) => dataset.key).filter((key) => !key.startsWith("~")));
    await page.waitForFunction((n) => document.querySelectorAll("[data-testid=change-inside]").length === n, asked.length);
    assert.deepEqual(await places(), before);
    for (const projectId of asked) {
      const query = { ...JUNE_QUERY, ...MOVED, projectId, groupBy: "apiKey,model" };
      const { cost, labels } = movedMost(await ask(page, "/analytics/change", query));
      const inside = page.locator(`[data-key="${projectId}"]`).getByTestId("change-inside");
      assert.equal(await inside.getAttribute("data-exact"), cost, projectId);
      const amount = `${cost < 0 ? "−" : "+"}$${Math.abs(cost).toFixed(2)}`;
      assert.ok((await inside.textContent()).startsWith(`of that ${labels.join(" on ")} ${amount}`), projectId);
    }
    const research = page.locator("[data-key=proj_research]").getByTestId("change-inside");
    assert.equal(await research.textContent(), "of that judge ensemble on Claude Opus 4.1 +$473.18 (mix)");
  }
});

test("what had no usage before says since when it has", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${NORTHWIND}/analytics?${JUNE}&by=user`, "analytics");
  const inside = page.locator("[data-testid=change-sentence][data-key=user_ximena]").getByTestId("change-inside");
  await inside.filter({ hasText: "since" }).waitFor();
  const user = { ...JUNE_QUERY, userId: "user_ximena" };
  const most = movedMost(await ask(page, "/analytics/change", { ...user, ...MOVED, groupBy: "project,model" }));
  assert.equal(most.cause, "new");
  assert.equal(await inside.getAttribute("data-exact"), most.cost);
  const [projectId, model] = most.keys;
  const { activity } = await ask(page, "/analytics/activity", { ...user, projectId, model, groupBy: "none" });
  const { date } = activity.find(({ requestCount }) => requestCount !== "0");
  const day = new Date(date).toLocaleDateString("en-US", { day: "numeric", month: "short", timeZone: "UTC" });
  assert.match(await inside.textContent(), new RegExp(` since ${day}$`));
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
      await visit(page, `${NORTHWIND}/analytics?${JUNE}&by=project`, "analytics");
      await page.getByTestId("change-inside").first().waitFor();
      await accessible(page, "inside");
      await withinWidth(page, "inside");
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

for (const [whose, path, filter] of [
  ["member", "members/user_dmitri", { userId: "user_dmitri" }],
  ["key", "keys/key_prod_checkout-summaries", { apiKeyId: "key_prod_checkout-summaries" }],
  ["mine", "my-usage", null],
]) {
  test(`what one ${whose} used says where it comes from: its card, a model and a day`, async (t) => {
    const page = await open(t, LINK);
    await visit(page, `${NORTHWIND}/${path}?${JUNE}`, whose);
    const own = filter ?? { userId: await page.evaluate(async () => (await (await fetch("/v1/me")).json()).user.id) };
    const value = page.getByTestId("explain-value");
    const explained = async (figure, shown, question) => {
      await figure.click();
      await value.waitFor();
      assert.equal(await value.getAttribute("data-exact"), shown);
      const answer = await ask(page, "/analytics/explain", { ...JUNE_QUERY, ...own, groupBy: "model", ...question });
      assert.equal(answer.value.cost, shown);
      await page.keyboard.press("Escape");
      await value.waitFor({ state: "detached" });
    };
    const card = page.getByTestId("card-cost");
    await explained(card.getByTestId("explain"), await card.locator("[data-exact]").getAttribute("data-exact"), {});
    const row = page.locator("[data-testid=cost-by-model], [data-testid=top-models]").getByTestId("ranking-row").first();
    const model = row.locator("[data-field=cost]");
    const key = await row.getAttribute("data-key");
    await explained(model.getByTestId("explain"), await model.getAttribute("data-exact"), { key });
    await page.getByTestId("chart-kind-table").click();
    const cell = page.getByTestId("chart-table").locator("td[data-field=total]").nth(11).getByTestId("explain");
    const date = "2026-06-12";
    const { value: day } = await ask(page, "/analytics/explain", { ...JUNE_QUERY, ...own, groupBy: "model", date });
    await explained(cell, day.cost, { date });
  });
}

test("readers who may not see the organization have figures that open nothing", async (t) => {
  const page = await open(t, DEVELOPER_LINK, { landsOn: "mine" });
  for (const [path, where, shown] of [["keys", "keys", "list-row"], ["my-usage", "mine", "ranking-row"]]) {
    await visit(page, `${NORTHWIND}/${path}?${JUNE}`, where);
    await page.getByTestId(shown).first().waitFor();
    assert.equal(await page.getByTestId("explain").count(), 0, where);
  }
});
