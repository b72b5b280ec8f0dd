// What leaves the page: text on the clipboard, and paper.
import assert from "node:assert/strict";
import { test } from "node:test";
import { askText, JUNE, JUNE_QUERY, NORTHWIND, open, visit } from "./browser.mjs";
import { LINK } from "./demo.mjs";

const clipboard = { permissions: ["clipboard-read", "clipboard-write"] };
const copied = (page) => page.evaluate(() => navigator.clipboard.readText());

test("a chart and a list are copied as the API's CSV", async (t) => {
  const page = await open(t, LINK, clipboard);
  await visit(page, `${NORTHWIND}/analytics?${JUNE}&by=project&then=model&user=user_dmitri`, "analytics");
  await page.getByTestId("download-button").click();
  await page.getByTestId("copy-csv").click();
  await page.getByRole("status").getByText("Copied").waitFor();
  const query = { ...JUNE_QUERY, groupBy: "project,model", userId: "user_dmitri", format: "csv" };
  assert.equal(await copied(page), await askText(page, "/analytics/activity", query));

  await visit(page, `${NORTHWIND}/members?${JUNE}`, "members");
  await page.getByTestId("list-copy").click();
  await page.getByRole("status").getByText("Copied").waitFor();
  assert.equal(await copied(page), await askText(page, "/analytics/members", { ...JUNE_QUERY, format: "csv" }));
});

test("what cannot be copied says so", async (t) => {
  const page = await open(t, LINK, { ...clipboard, mayRefuse: true });
  await visit(page, `${NORTHWIND}/members?${JUNE}`, "members");
  await page.route("**/analytics/members?*format=csv", (route) => route.fulfill({ status: 503, body: "" }));
  await page.getByTestId("list-copy").click();
  await page.getByRole("status").getByText("Could not be copied").waitFor();
});

test("over plain HTTP, where there is no clipboard to ask, copying works as well", async (t) => {
  const page = await open(t, LINK, clipboard);
  await page.addInitScript(() => delete Navigator.prototype.clipboard);
  await visit(page, `${NORTHWIND}/analytics?${JUNE}`, "analytics");
  await page.evaluate(() => addEventListener("copy", (event) => (window.taken = event.clipboardData.getData("text/plain"))));
  await page.getByTestId("views-button").click();
  await page.getByTestId("copy-link").click();
  await page.getByRole("status").getByText("Copied").waitFor();
  assert.equal(await page.evaluate(() => window.taken), page.url());
});

for (const [path, where] of [
  [`analytics?${JUNE}&by=project&then=model`, "analytics"],
  [`members/user_dmitri?${JUNE}`, "member"],
  [`keys/key_prod_checkout-summaries?${JUNE}`, "key"],
  [`my-usage?${JUNE}`, "mine"],
]) {
  test(`paper: ${where} is one page, light, with its chart and without what is only pressed`, async (t) => {
    const page = await open(t, LINK, { colorScheme: "dark" });
    await visit(page, `${NORTHWIND}/${path}`, where);
    await page.locator(".chart[data-drawn=true]").waitFor();
    const screen = await canvas(page);
    const pdf = await page.pdf({ format: "A4", preferCSSPageSize: true });
    assert.equal(pdf.toString("latin1").match(/\/Type\s*\/Page[^s]/g).length, 1, "pages");
    await canvasIs(page, screen);

    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    assert.deepEqual(await canvas(page), { width: 670, height: 250 });
    await page.emulateMedia({ media: "print" });
    const paper = await page.locator(".card").first().evaluate((card) => getComputedStyle(card).backgroundColor);
    assert.equal(paper, "rgb(255, 255, 255)");
    for (const gone of [".sidebar", ".page-controls", ".panel-tools"]) {
      assert.equal(await page.locator(gone).first().isVisible(), false, gone);
    }
    await page.getByText("Northwind Robotics · Jun 1 – 30, 2026 · UTC").waitFor();
    await page.emulateMedia({ media: "screen" });
    await page.evaluate(() => dispatchEvent(new Event("afterprint")));
    await canvasIs(page, screen);
  });
}

/** Size of the chart's canvas, in pixels of the page. */
const canvas = (page) =>
  page.locator(".chart canvas").evaluate(({ style }) => ({
    width: Number.parseInt(style.width),
    height: Number.parseInt(style.height),
  }));

/** Waits until the chart has a size: after paper that of the screen, once the page has its own width again. */
const canvasIs = (page, size) =>
  page.waitForFunction(({ width, height }) => {
    const { style } = document.querySelector(".chart canvas");
    return Number.parseInt(style.width) === width && Number.parseInt(style.height) === height;
  }, size);
