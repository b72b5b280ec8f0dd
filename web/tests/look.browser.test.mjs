// The dashboard as an operator has made it theirs.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { accessible, LAPTOP, open, PHONE, withinWidth } from "./browser.mjs";
import { serve } from "./server.mjs";

const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="32"><rect width="64" height="32" fill="#0b6e4f"/></svg>`;

async function theirs(t, accent = "#0b6e4f") {
  const folder = await mkdtemp(join(tmpdir(), "rollcall-look-"));
  t.after(() => rm(folder, { recursive: true }));
  const logo = join(folder, "logo.svg");
  await writeFile(logo, LOGO);
  const server = await serve(t, [
    ...["--product-name", "Acme Spend", "--logo", logo, "--accent", accent],
    ...["--default-timezone", "Asia/Kathmandu", "--currency-label", "credits"],
  ]);
  await server.directory({ organizations: [{ id: "acme", name: "Acme" }] });
  await server.events([
    {
      id: "call-1",
      timestamp: new Date().toISOString(),
      organizationId: "acme",
      projectId: "search",
      apiKeyId: "key-1",
      usedModel: "openai/gpt-4o",
      cost: "1234.5",
    },
  ]);
  return server;
}

const token = (page, name) =>
  page.evaluate((name) => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(${name})`;
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  }, name);

test("name, logo, accent, zone and currency are the operator's", async (t) => {
  const server = await theirs(t);
  const page = await open(t, null);
  await page.goto(server.url);
  await page.getByRole("heading", { name: "Sign in to Acme Spend" }).waitFor();
  assert.equal(await page.title(), "Sign in to Acme Spend");

  await page.goto(server.operatorLink);
  await page.locator("[data-testid=analytics][data-busy=false]").waitFor();
  assert.equal(new URL(page.url()).searchParams.get("tz"), "Asia/Kathmandu");
  assert.equal(await page.title(), "Analytics · Acme · Acme Spend");
  assert.equal(await page.getByTestId("card-cost").locator("[data-exact]").innerText(), "credits\u00a01,234.50");
  const logo = page.locator(".sidebar img.logo");
  await logo.evaluate((image) => image.decode());
  assert.deepEqual(await logo.evaluate((image) => [image.naturalWidth, image.naturalHeight]), [64, 32]);
  assert.equal(await token(page, "--accent"), "rgb(11, 110, 79)");
  assert.equal(await page.locator("link[rel=icon]").getAttribute("href"), "/v1/settings/logo");
});

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [LAPTOP, PHONE]) {
    test(`an accent that nobody could read is made readable: ${colorScheme}, ${viewport.width} px`, async (t) => {
      for (const accent of ["#ffd400", "#1a0a2e"]) {
        const page = await open(t, (await theirs(t, accent)).operatorLink, { colorScheme, viewport });
        await accessible(page, accent);
        await withinWidth(page, accent);
      }
    });
  }
}
