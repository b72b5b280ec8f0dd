// An owner's pages: what they change is what the API then says, and nothing of others.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, LAPTOP, open, PHONE, ready, visit, withinWidth } from "./browser.mjs";
import { serve } from "./server.mjs";

const SETTINGS = "/organizations/acme/settings";
const PARTS = ["settings", "projects", "members", "keys", "tokens", "links"];

async function acme(t) {
  const server = await serve(t);
  await server.directory({
    organizations: [{ id: "acme", name: "Acme", timezone: "Europe/Paris" }, { id: "other", name: "Other" }],
    projects: [{ id: "search", organizationId: "acme", name: "Search" }],
    users: [{ id: "olga", name: "Olga" }, { id: "adam", name: "Adam" }, { id: "dave", name: "Dave" }],
    members: [
      { organizationId: "acme", userId: "olga", role: "owner" },
      { organizationId: "acme", userId: "adam", role: "admin" },
      { organizationId: "acme", userId: "dave", role: "developer" },
      { organizationId: "other", userId: "dave", role: "owner" },
    ],
    apiKeys: [{ id: "k1", organizationId: "acme", projectId: "search", createdBy: "dave" }],
  });
  return server;
}

const row = (page, key) => page.locator(`[data-testid=entry-row][data-key="${key}"]`);

async function fill(page, fields) {
  for (const [name, value] of Object.entries(fields)) await page.getByTestId(`field-${name}`).fill(value);
}

async function send(page) {
  await page.getByTestId("dialog-submit").click();
  await page.getByTestId("dialog").waitFor({ state: "detached" });
}

const part = async (page, name) => {
  await page.getByTestId(`part-${name}`).click();
  await page.getByTestId(`${name}-table`).waitFor();
};

test("an owner need not ask the operator: people, roles, projects, keys, zone, retention and sign-in links", async (t) => {
  const server = await acme(t);
  const page = await open(t, await server.linkOf("olga"), { mayRefuse: true });
  await page.getByTestId("nav-settings").click();
  await ready(page, "settings");
  const directory = () => server.get("/v1/directory?organizationId=acme");
  const entry = async (kind, id) => (await directory())[kind].find((one) => (one.id ?? one.userId) === id);

  assert.equal(await page.getByTestId("field-plan").count(), 0, "the plan is the operator's");
  assert.equal(await page.getByTestId("delete").count(), 0, "so is whether there is the organization");
  await fill(page, { name: "Acme AG", retentionDays: "400" });
  await page.getByTestId("field-timezone").selectOption("Europe/Vienna");
  await page.getByTestId("save").click();
  // What is removed does not come back, so it is asked about.
  await page.getByTestId("dialog").getByText("Remove usage older than 400 days?").waitFor();
  assert.equal((await entry("organizations", "acme")).retentionDays, undefined);
  await send(page);
  await page.getByTestId("saved").getByText("Saved").waitFor();
  const organization = { id: "acme", name: "Acme AG", plan: "enterprise", status: "active", timezone: "Europe/Vienna", retentionDays: 400 };
  assert.deepEqual(await entry("organizations", "acme"), organization);

  await part(page, "projects");
  await page.getByTestId("add").click();
  await fill(page, { id: "chat", name: "Chat" });
  await send(page);
  await row(page, "chat").waitFor();

  await part(page, "members");
  await page.getByTestId("add").click();
  await fill(page, { userId: "mia", name: "Mia", email: "mia@acme.example" });
  await send(page);
  await row(page, "adam").getByTestId("edit").click();
  await page.getByTestId("field-role").selectOption("owner");
  await send(page);
  await row(page, "adam").getByText("Owner", { exact: true }).waitFor();
  assert.equal((await entry("members", "mia")).role, "developer");

  await part(page, "keys");
  await row(page, "k1").getByTestId("edit").click();
  await fill(page, { description: "Dave's key" });
  await send(page);
  await row(page, "k1").getByText("Dave's key").waitFor();

  await part(page, "tokens");
  await page.getByTestId("tokens-table").getByText("No tokens yet.").waitFor();
  await page.getByTestId("add").click();
  assert.deepEqual(
    await page.getByTestId("field-kind").locator("option").evaluateAll((all) => all.map((one) => one.value)),
    ["user", "ingest", "scim"],
  );
  await page.getByTestId("field-userId").selectOption("dave");
  await fill(page, { label: "laptop" });
  await page.getByTestId("dialog-submit").click();
  const link = await page.getByTestId("secret-link").locator("code").innerText();
  await page.getByTestId("secret-done").click();
  await page.getByTestId("entry-row").getByText("laptop").waitFor();
  assert.equal(await page.getByTestId("entry-row").count(), 1, "tokens of the server are none of theirs");
  await page.getByTestId("entry-search").fill("nobody's");
  await page.getByTestId("tokens-table").getByText("Nothing matches.").waitFor();

  // What somebody would have believed: that the link opens all that its person may see.
  const dave = await open(t, link.trim(), { landsOn: null });
  await dave.getByTestId("nav-mine").waitFor();
  const opened = await dave.evaluate(async () => (await (await fetch("/v1/me")).json()).organizations.map(({ id }) => id));
  assert.deepEqual(opened, ["acme"]);
  assert.equal(await dave.getByTestId("nav-settings").count(), 0);
});

test("the last owner is told why they cannot leave, and a name that is others' as well why it stays", async (t) => {
  const server = await acme(t);
  const page = await open(t, await server.linkOf("olga"), { mayRefuse: true });
  await visit(page, `${SETTINGS}/members`, "settings");
  await row(page, "olga").getByTestId("end").click();
  await page.getByTestId("dialog-submit").click();
  await page.getByRole("alert").getByText("without an owner; make somebody else one before").waitFor();
  await page.keyboard.press("Escape");
  await row(page, "dave").getByTestId("edit").click();
  await fill(page, { name: "David" });
  await page.getByTestId("dialog-submit").click();
  await page.getByRole("alert").getByText("user 'dave' is not of this organization alone").waitFor();
});

test("admins and developers have no such page, and the operator has theirs", async (t) => {
  const server = await acme(t);
  for (const link of [await server.linkOf("adam"), await server.linkOf("dave"), server.operatorLink]) {
    const page = await open(t, link, { landsOn: null, mayRefuse: true });
    await page.getByTestId("nav-keys").waitFor();
    await page.goto(new URL(SETTINGS, server.url).href);
    await page.getByText("Nothing here").waitFor();
    assert.equal(await page.getByTestId("nav-settings").count(), 0);
  }
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing on an owner's pages, wide and narrow: ${colorScheme}`, async (t) => {
    const server = await acme(t);
    const page = await open(t, await server.linkOf("olga"), { colorScheme });
    for (const name of PARTS) {
      await visit(page, `${SETTINGS}/${name}`, "settings");
      await page.getByTestId(`part-${name}`).waitFor();
      for (const viewport of [LAPTOP, PHONE]) {
        await page.setViewportSize(viewport);
        await accessible(page, name);
        await withinWidth(page, name);
      }
    }
  });
}
