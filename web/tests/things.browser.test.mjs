// What somebody would believe of the page: colours, missing prices, bars, files, and what a phone leaves out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, ask, exact, JUNE, JUNE_QUERY, LAPTOP, NORTHWIND, open, PHONE, ready, visit, withinWidth } from "./browser.mjs";
import { DEVELOPER_LINK, LINK, OPERATOR_LINK } from "./demo.mjs";
import { serve } from "./server.mjs";

const ANALYTICS = `${NORTHWIND}/analytics`;
const WEEK = "range=last-7-days&tz=UTC";

/** Of every row of rankings: whose colour is which. */
const colours = (page) =>
  page.locator("[data-testid=ranking-row]").evaluateAll((rows) =>
    Object.fromEntries(rows.map((row) => [row.dataset.key, row.querySelector(".swatch").dataset.slot])),
  );

function agree(some, others, where) {
  const both = Object.keys(some).filter((key) => key in others);
  assert.ok(both.length > 0, where);
  for (const key of both) assert.equal(others[key], some[key], `${key}: ${where}`);
}

test("a thing has its colour on every tab, in every range, after a reload and for every reader", async (t) => {
  const page = await open(t, LINK);
  for (const by of ["project", "model", "apiKey", "user"]) {
    await visit(page, `${ANALYTICS}?${JUNE}&by=${by}`, "analytics");
    const known = await colours(page);
    for (const other of [`${JUNE}&by=${by}&metric=tokens`, `${WEEK}&by=${by}`, `${JUNE}&by=${by}&all=1`, `${JUNE}&by=${by}&chart=lines`]) {
      await visit(page, `${ANALYTICS}?${other}`, "analytics");
      agree(known, await colours(page), other);
    }
    await page.reload();
    await ready(page);
    agree(known, await colours(page), "reloaded");
    const operator = await open(t, OPERATOR_LINK);
    await visit(operator, `${ANALYTICS}?${WEEK}&by=${by}`, "analytics");
    agree(known, await colours(operator), "another reader");
    if (by !== "model") continue;
    for (const [path, where] of [["members/user_dmitri", "member"], ["keys/key_prod_fraud-notes", "key"]]) {
      await visit(page, `${NORTHWIND}/${path}?${JUNE}`, where);
      agree(known, await colours(page), where);
    }
    const developer = await open(t, DEVELOPER_LINK, { landsOn: "mine" });
    await visit(developer, `${NORTHWIND}/my-usage?${JUNE}`, "mine");
    agree(known, await colours(developer), "somebody who sees their own usage only");
  }
});

test("the rest is neutral, and no two parts of a chart look the same", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${ANALYTICS}?${JUNE}&by=model`, "analytics");
  const looks = await page.locator(".legend li .swatch").evaluateAll((all) => all.map(({ dataset }) => `${dataset.slot} ${dataset.pattern}`));
  assert.equal(new Set(looks).size, looks.length, looks.join(", "));
  assert.ok(looks.includes("none 0"), "the rest");
});

test("what has no price is not free, and leads to the models and the price to add", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${ANALYTICS}?${WEEK}&by=model&all=1`, "analytics");
  const row = page.locator("[data-testid=ranking-row][data-key=northwind-support-7b]");
  await row.waitFor();
  assert.equal(await row.locator("td[data-field=cost]").innerText(), "no price");
  await page.getByTestId("card-cost").getByTestId("unpriced").click();
  await page.getByTestId("price-to-add").waitFor();
  await ready(page);
  assert.match(await page.getByTestId("price-to-add").innerText(), /"northwind-support-7b","provider":"vllm"/);
  assert.equal(await page.getByTestId("card-cost").locator("data").innerText(), "no price");
  assert.equal(await page.getByTestId("reprice-link").count(), 0, "that is the operator's");
  assert.ok(!(await page.getByTestId("analytics").innerText()).includes("$0.00"));
  await page.getByTestId("chart-kind-table").click();
  await page.getByTestId("metric-cost").click();
  await page.waitForURL(/metric=cost/);
  await ready(page);
  const cells = page.getByTestId("chart-table").locator("td[data-field=northwind-support-7b]");
  assert.ok((await cells.allInnerTexts()).includes("no price"));

  const operator = await open(t, OPERATOR_LINK);
  await operator.goto(page.url());
  await operator.getByTestId("reprice-link").click();
  await operator.getByTestId("repricing").waitFor();
});

// What somebody would have believed: that a cost with calls of unknown price is all there was, and that from no price to
// a price is a rise.
test("a row with some calls of unknown price says so, and the change from no price is none", async (t) => {
  const server = await serve(t);
  await server.directory({
    organizations: [{ id: "acme", name: "Acme" }],
    users: [{ id: "olga", name: "Olga" }],
    members: [{ organizationId: "acme", userId: "olga", role: "owner" }],
    apiKeys: [{ id: "k1", organizationId: "acme", projectId: "mixed", createdBy: "olga" }],
  });
  const event = (id, timestamp, projectId, cost) => ({
    id, timestamp, organizationId: "acme", projectId, apiKeyId: "k1", usedModel: "vllm/ours", promptTokens: 10, ...(cost ? { cost } : {}),
  });
  await server.events([
    event("a", "2026-06-10T10:00:00Z", "mixed", "2"),
    event("b", "2026-06-10T11:00:00Z", "mixed"),
    event("c", "2026-06-10T10:00:00Z", "late", "3"),
    event("d", "2026-05-10T10:00:00Z", "late"),
    event("e", "2026-05-01T10:00:00Z", "mixed", "1"),
  ]);
  const page = await open(t, await server.linkOf("olga"));
  await visit(page, `/organizations/acme/analytics?${JUNE}&by=project`, "analytics");
  const row = (key) => page.locator(`[data-testid=ranking-row][data-key=${key}]`);
  assert.equal(await row("mixed").getByTestId("partly-unpriced").innerText(), "1 without a price");
  assert.equal(await row("late").getByTestId("partly-unpriced").count(), 0);
  assert.equal(await row("late").locator("[data-field=change]").innerText(), "no price");
  assert.match(await row("mixed").locator("[data-field=change]").innerText(), /^\+\$1\.00/);
  await page.setViewportSize(PHONE);
  assert.ok(await row("mixed").getByTestId("partly-unpriced").isVisible(), "there as well");
  await accessible(page, "rows without a price");
  await withinWidth(page, "rows without a price");
  await page.setViewportSize(LAPTOP);
  for (const where of ["members", "keys"]) {
    await visit(page, `/organizations/acme/${where}?${JUNE}`, where);
    assert.equal(await page.getByTestId("list-row").getByTestId("partly-unpriced").innerText(), "1 without a price");
  }
});

test("no line of facts begins or ends with a dot, and nothing is empty before there is an answer", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${ANALYTICS}?${JUNE}&by=model`, "analytics");
  await page.getByTestId("what-if").waitFor();
  const between = await page.getByTestId("what-if").evaluate((card) => {
    const [form, note] = [".what-if-form", ".what-if-note"].map((one) => card.querySelector(one).getBoundingClientRect());
    return note.top - form.bottom;
  });
  assert.ok(between <= 16, `${between} px between the form and the note`);
  for (const viewport of [LAPTOP, PHONE]) {
    await page.setViewportSize(viewport);
    const shown = await page.locator(".facts").evaluateAll((all) =>
      all.flatMap((facts) => {
        const { left, right } = facts.getBoundingClientRect();
        return [...facts.querySelectorAll(".fact")].map((fact, i, of) => {
          const box = fact.getBoundingClientRect();
          const begins = i === 0 || box.top > of[i - 1].getBoundingClientRect().top;
          // The dot stands 8 px before its fact.
          return { begins, dotInside: box.left - 8 >= left, over: box.right - right };
        });
      }),
    );
    assert.ok(shown.length > 6);
    for (const { begins, dotInside, over } of shown) {
      assert.equal(dotInside, !begins);
      assert.ok(over <= 0.5, `${over} px`);
    }
  }
});

test("where costs are from is a pivot that adds up", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${ANALYTICS}?${WEEK}&metric=requests`, "analytics");
  await page.getByTestId("groupby-costSource").click();
  await page.waitForURL(/by=costSource/);
  await ready(page);
  const rows = page.getByTestId("ranking-row");
  const names = await rows.evaluateAll((all) => all.map((row) => row.dataset.key).sort());
  assert.deepEqual(names, ["priced", "reported", "unpriced"]);
  const counts = await rows.evaluateAll((all) => all.map((row) => Number(row.dataset.exact)));
  assert.equal(counts.reduce((sum, count) => sum + count), Number(await exact(page, "card-requests")));
});

test("a bar's click and the Enter key do the same: that thing, on that day", async (t) => {
  const page = await open(t, LINK);
  const begin = () => visit(page, `${ANALYTICS}?${JUNE}&by=model`, "analytics");
  const chart = page.locator(".chart[data-drawn=true]");
  await begin();
  await chart.focus();
  for (const key of ["Home", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp"]) await page.keyboard.press(key);
  const model = await chart.getAttribute("data-target");
  await page.locator(".chart [role=status]").getByText("Jun 3").waitFor({ state: "attached" });
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.searchParams.get("model") === model);
  const byKeys = page.url();
  assert.match(byKeys, /from=2026-06-03&to=2026-06-03/);

  // The third of thirty columns, in the second part of its bar.
  await begin();
  const box = await page.locator(".chart canvas").boundingBox();
  const pointTo = (y) => page.mouse.move(box.x + 60 + ((box.width - 64) / 30) * 2.5, y);
  for (let y = box.y + box.height - 40; (await chart.getAttribute("data-target")) !== model; y -= 4) {
    assert.ok(y > box.y, "the part is in the bar");
    await pointTo(y);
  }
  await page.mouse.down();
  await page.mouse.up();
  await page.waitForURL((url) => url.searchParams.get("model") === model);
  assert.equal(page.url(), byKeys);

  // Beside the bars, and where no part was chosen, it is the day.
  await begin();
  await chart.focus();
  for (const key of ["Home", "ArrowRight", "Enter"]) await page.keyboard.press(key);
  await page.waitForURL(/from=2026-06-02&to=2026-06-02/);
  assert.ok(!page.url().includes("model="), page.url());
});

test("my usage begins with all projects, and they add up to it", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${NORTHWIND}/my-usage?${JUNE}`, "mine");
  const all = await ask(page, "/analytics/me", JUNE_QUERY);
  assert.equal(await exact(page, "card-cost"), all.summary.cost);
  assert.equal(await page.getByTestId("own-keys-foot").locator("[data-exact]").getAttribute("data-exact"), all.summary.cost);
  const { projects } = await ask(page, "/v1/projects", {});
  const costs = await Promise.all(projects.map(({ id }) => ask(page, "/analytics/me", { ...JUNE_QUERY, projectId: id })));
  const micros = (text) => Math.round(Number(text) * 1e6);
  assert.equal(costs.reduce((sum, { summary }) => sum + micros(summary.cost), 0), micros(all.summary.cost));
});

test("files are called after whose figures they have and of when", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${ANALYTICS}?from=2026-06-01&to=2026-06-30&tz=Europe/Paris&by=project`, "analytics");
  await page.locator(".chart[data-drawn=true]").waitFor();
  for (const [kind, extension] of [["csv", "csv"], ["png", "png"]]) {
    await page.getByTestId("download-button").click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId(`download-${kind}`).click()]);
    assert.equal(download.suggestedFilename(), `northwind-cost-by-project-2026-06-Europe-Paris.${extension}`);
  }
});

test("reconciliation on paper says whose invoice it is", async (t) => {
  const page = await open(t, LINK);
  await visit(page, `${NORTHWIND}/reconciliation?${JUNE}`, "reconciliation");
  const provider = page.getByTestId("printed-provider");
  assert.equal(await provider.isVisible(), false);
  await page.emulateMedia({ media: "print" });
  assert.match(await provider.innerText(), /OpenAI/);
});

test("a page that is closed to its reader has its own title, and a mark in the sidebar", async (t) => {
  const page = await open(t, DEVELOPER_LINK, { landsOn: "mine" });
  for (const [path, title] of [["analytics", "Analytics"], ["members", "Members"], ["reconciliation", "Reconciliation"]]) {
    await page.goto(new URL(`${NORTHWIND}/${path}`, page.url()).href);
    await page.getByTestId("needs-role").waitFor();
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    await page.waitForFunction((title) => document.title.startsWith(title), title);
    await page.getByTestId(`nav-${path}`).getByTestId("nav-lock").waitFor();
    await accessible(page, path);
  }
});

test("heads of tables stay in sight", async (t) => {
  for (const [viewport, top] of [[LAPTOP, 0], [PHONE, 52]]) {
    const page = await open(t, LINK, { viewport });
    for (const [path, where, head] of [[`keys?${JUNE}`, "keys", ".list thead th"], [`analytics?${JUNE}&by=apiKey&all=1`, "analytics", ".ranking thead th"]]) {
      await visit(page, `${NORTHWIND}/${path}`, where);
      await page.locator("[data-testid=list-row], [data-testid=ranking-row]").nth(30).waitFor();
      await page.locator("[data-testid=list-row], [data-testid=ranking-row]").nth(30).scrollIntoViewIfNeeded();
      await page.mouse.wheel(0, 400);
      await page.waitForFunction(
        ([head, top]) => Math.abs(document.querySelector(head).getBoundingClientRect().top - top) < 1,
        [head, top],
      );
    }
  }
});

test("on a phone a range is applied without scrolling", async (t) => {
  const page = await open(t, LINK, { viewport: { width: 390, height: 640 } });
  await page.getByTestId("range-button").click();
  await page.getByTestId("range-from").waitFor({ state: "attached" });
  await page.waitForFunction(() => {
    const { top, bottom } = document.querySelector("[data-testid=range-apply]").getBoundingClientRect();
    return top > 0 && bottom <= innerHeight;
  });
});

test("on a phone rows say what they were before, and names can still be read", async (t) => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(t, LINK, { viewport: PHONE, colorScheme });
    for (const [path, where, row] of [
      [`analytics?${JUNE}&by=model`, "analytics", "ranking-row"],
      [`members?${JUNE}`, "members", "list-row"],
      [`keys?${JUNE}`, "keys", "list-row"],
    ]) {
      await visit(page, `${NORTHWIND}/${path}`, where);
      const first = page.getByTestId(row).first();
      const beneath = first.locator(".ranking-beneath, .list-beneath");
      assert.ok(await beneath.isVisible(), path);
      assert.match(await beneath.innerText(), /\$[\d,.]+\s+[↑↓]/);
      const name = await first.locator("th").evaluate((cell) => cell.getBoundingClientRect().width);
      assert.ok(name >= 110, `${path}: a name has ${name} px`);
      await withinWidth(page, path);
      await accessible(page, path);
    }
  }
});
