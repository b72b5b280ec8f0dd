// The operator's pages: what they change is what the API then says.
import assert from "node:assert/strict";
import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { accessible, LAPTOP, open, PHONE, ready, visit, withinWidth } from "./browser.mjs";
import { DEVELOPER_LINK, LINK } from "./demo.mjs";
import { serve } from "./server.mjs";

const ORGANIZATIONS = "/administration/organizations";
const PAGES = [
  ORGANIZATIONS,
  `${ORGANIZATIONS}/acme/members`,
  "/administration/tokens",
  "/administration/store",
  "/administration/intake",
  "/administration/audit",
];

async function acme(t) {
  const server = await serve(t);
  await server.directory({
    organizations: [
      { id: "acme", name: "Acme", timezone: "Europe/Paris" },
      { id: "old", name: "Old Co", plan: "free", status: "deleted" },
    ],
    projects: [
      { id: "search", organizationId: "acme", name: "Search" },
      { id: "chat", organizationId: "acme", name: "Chat" },
    ],
    users: [
      { id: "olga", name: "Olga", email: "olga@acme.example" },
      { id: "dave", name: "Dave" },
    ],
    members: [
      { organizationId: "acme", userId: "olga", role: "owner" },
      { organizationId: "acme", userId: "dave", role: "developer" },
    ],
    apiKeys: [
      { id: "k-olga", organizationId: "acme", projectId: "search", description: "Olga's key", createdBy: "olga" },
      { id: "k-new", organizationId: "acme", projectId: "chat" },
    ],
  });
  return server;
}

const row = (page, key) => page.locator(`[data-testid=entry-row][data-key="${key}"]`);

async function fill(page, fields) {
  for (const [name, value] of Object.entries(fields)) await page.getByTestId(`field-${name}`).fill(value);
}

async function choose(page, fields) {
  for (const [name, value] of Object.entries(fields)) await page.getByTestId(`field-${name}`).selectOption(value);
}

/** Sends the open dialog's form, which closes once the server has taken it. */
async function send(page) {
  await page.getByTestId("dialog-submit").click();
  await page.getByTestId("dialog").waitFor({ state: "detached" });
}

const part = async (page, name, table) => {
  await page.getByTestId(`part-${name}`).click();
  await page.getByTestId(`${table}-table`).waitFor();
};

test("an operator makes an organization with a project, a member and a key", async (t) => {
  const server = await serve(t);
  const page = await open(t, server.operatorLink, { landsOn: null });
  await page.getByTestId("nav-organizations").click();
  await ready(page, "organizations");
  await page.getByTestId("add").click();
  assert.equal(await page.getByTestId("field-timezone").inputValue(), "Europe/Paris", "the reader's own zone");
  await fill(page, { id: "nova", name: "Nova" });
  await choose(page, { plan: "pro", timezone: "Asia/Tokyo" });
  await send(page);
  await page.waitForURL((url) => url.pathname === `${ORGANIZATIONS}/nova`);

  await part(page, "projects", "projects");
  await page.getByTestId("add").click();
  await fill(page, { id: "web", name: "Website" });
  await send(page);
  await row(page, "web").getByText("Website").waitFor();

  await part(page, "members", "members");
  await page.getByTestId("add").click();
  await fill(page, { userId: "mia", name: "Mia", email: "mia@nova.example" });
  await choose(page, { role: "owner" });
  await send(page);
  await row(page, "mia").getByText("Mia", { exact: true }).waitFor();

  await part(page, "keys", "keys");
  await page.getByTestId("add").click();
  await fill(page, { id: "k1", description: "Web key" });
  await choose(page, { createdBy: "mia" });
  await send(page);
  await row(page, "k1").getByText("Website").waitFor();

  const directory = await server.get("/v1/directory?organizationId=nova");
  assert.deepEqual(directory, {
    organizations: [{ id: "nova", name: "Nova", plan: "pro", status: "active", timezone: "Asia/Tokyo" }],
    projects: [{ id: "web", organizationId: "nova", name: "Website", status: "active" }],
    users: [{ id: "mia", name: "Mia", email: "mia@nova.example" }],
    members: [{ organizationId: "nova", userId: "mia", role: "owner", status: "active" }],
    apiKeys: [
      { id: "k1", organizationId: "nova", projectId: "web", description: "Web key", createdBy: "mia", status: "active" },
    ],
    models: [],
    identities: [],
    teams: [],
    assignments: [],
  });
  // The sidebar knows the new organization without a reload, and the page leads to its analytics.
  await page.getByTestId("open-analytics").click();
  await page.waitForURL((url) => url.pathname === "/organizations/nova/analytics");
  await ready(page);
});

test("name, plan and zone are changed in place; deleting asks first, restoring brings back", async (t) => {
  const server = await acme(t);
  const page = await open(t, server.operatorLink);
  await visit(page, ORGANIZATIONS, "organizations");
  await page.getByTestId("entry-search").fill("acme");
  assert.equal(await page.getByTestId("entry-row").count(), 1);
  assert.equal(await page.getByTestId("entry-found").innerText(), "1 of 2");
  await row(page, "acme").click();
  await ready(page, "organization");
  await fill(page, { name: "Acme & Sons" });
  await choose(page, { plan: "free", timezone: "America/New_York" });
  await page.getByTestId("save").click();
  await page.getByTestId("saved").getByText("Saved").waitFor();
  const organization = async () => (await server.get("/v1/directory?organizationId=acme")).organizations[0];
  assert.deepEqual(await organization(), {
    id: "acme",
    name: "Acme & Sons",
    plan: "free",
    status: "active",
    timezone: "America/New_York",
  });
  await page.getByRole("heading", { name: "Acme & Sons", level: 1 }).waitFor();

  await page.getByTestId("delete").click();
  await page.getByRole("dialog").getByText("Delete Acme & Sons?").waitFor();
  await page.keyboard.press("Escape");
  await page.getByTestId("dialog").waitFor({ state: "detached" });
  assert.equal((await organization()).status, "active", "nothing happened yet");
  await page.getByTestId("delete").click();
  await send(page);
  assert.equal((await organization()).status, "deleted");
  assert.equal(await page.getByTestId("open-analytics").count(), 0);
  await page.getByTestId("restore").click();
  await page.getByTestId("open-analytics").waitFor();
  assert.equal((await organization()).status, "active");
});

test("roles and project access are changed, memberships end and begin again", async (t) => {
  const server = await acme(t);
  const page = await open(t, server.operatorLink);
  await visit(page, `${ORGANIZATIONS}/acme/members`, "organization");
  const dave = async () => (await server.get("/v1/directory?organizationId=acme")).members.find((m) => m.userId === "dave");

  await row(page, "dave").getByTestId("edit").click();
  await choose(page, { access: "some" });
  await page.getByTestId("project-search").check();
  await send(page);
  const narrowed = { organizationId: "acme", userId: "dave", role: "developer", projectIds: ["search"], status: "active" };
  assert.deepEqual(await dave(), narrowed);
  await row(page, "dave").getByText("1 project").waitFor();

  await row(page, "dave").getByTestId("edit").click();
  await choose(page, { role: "admin" });
  assert.equal(await page.getByTestId("field-access").count(), 0, "admins see every project");
  await send(page);
  assert.deepEqual(await dave(), { ...narrowed, role: "admin" }, "what they saw as a developer is kept");
  await row(page, "dave").getByText("All projects").waitFor();

  await row(page, "dave").getByTestId("edit").click();
  await choose(page, { role: "developer", access: "all" });
  await send(page);
  assert.deepEqual(await dave(), { organizationId: "acme", userId: "dave", role: "developer", status: "active" });

  await row(page, "dave").getByTestId("end").click();
  await page.getByRole("dialog").getByText("End the membership of Dave?").waitFor();
  await send(page);
  assert.equal((await dave()).status, "former");
  await row(page, "dave").getByText("former").waitFor();
  // Editing whoever has left does not bring them back.
  await row(page, "dave").getByTestId("edit").click();
  await fill(page, { name: "David" });
  await send(page);
  assert.equal((await dave()).status, "former");
  await row(page, "dave").getByTestId("bring-back").click();
  await row(page, "dave").getByTestId("end").waitFor();
  assert.equal((await dave()).status, "active");
});

test("a key gets a description, and a creator once", async (t) => {
  const server = await acme(t);
  const page = await open(t, server.operatorLink);
  await visit(page, `${ORGANIZATIONS}/acme/keys`, "organization");
  await row(page, "k-new").getByTestId("edit").click();
  await fill(page, { description: "Chat production" });
  await choose(page, { createdBy: "dave" });
  await send(page);
  const key = async () => (await server.get("/v1/directory?organizationId=acme")).apiKeys.find((one) => one.id === "k-new");
  const described = {
    id: "k-new",
    organizationId: "acme",
    projectId: "chat",
    description: "Chat production",
    createdBy: "dave",
    status: "active",
  };
  assert.deepEqual(await key(), described);
  await row(page, "k-new").getByTestId("edit").click();
  assert.equal(await page.getByTestId("field-createdBy").count(), 0, "the creator stays");
  await page.getByRole("button", { name: "Cancel" }).first().click();
  await row(page, "k-new").getByTestId("delete").click();
  await send(page);
  assert.deepEqual(await key(), { ...described, status: "deleted" });
  await row(page, "k-new").getByTestId("restore").click();
  await row(page, "k-new").getByTestId("delete").waitFor();
  assert.deepEqual(await key(), described);
});

test("a project is renamed, deleted and restored", async (t) => {
  const server = await acme(t);
  const page = await open(t, server.operatorLink);
  await visit(page, `${ORGANIZATIONS}/acme/projects`, "organization");
  const chat = async () => (await server.get("/v1/directory?organizationId=acme")).projects.find((one) => one.id === "chat");
  await row(page, "chat").getByTestId("edit").click();
  await fill(page, { name: "Support chat" });
  await send(page);
  await row(page, "chat").getByTestId("delete").click();
  await send(page);
  assert.deepEqual(await chat(), { id: "chat", organizationId: "acme", name: "Support chat", status: "deleted" });
  await row(page, "chat").getByTestId("restore").click();
  await row(page, "chat").getByTestId("delete").waitFor();
  assert.equal((await chat()).status, "active");
});

test("a token's secret is shown once, copied, works, and is worth nothing once revoked", async (t) => {
  const server = await acme(t);
  const page = await open(t, server.operatorLink);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await visit(page, "/administration/tokens", "tokens");
  await page.getByTestId("add").click();
  await choose(page, { organizationId: "acme" });
  await fill(page, { label: "gateway", projectId: "search" });
  await page.getByTestId("dialog-submit").click();
  const secret = await page.getByTestId("secret").locator("code").innerText();
  assert.match(secret, /^rc_ingest_[0-9a-f]{64}$/);
  await page.getByTestId("secret").getByRole("button", { name: "Copy" }).click();
  await page.getByTestId("secret").getByRole("status").filter({ hasText: "Copied" }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
  assert.equal(await page.getByTestId("secret-link").count(), 0, "an ingest token signs nobody in");
  await page.getByTestId("secret-done").click();
  await page.getByTestId("dialog").waitFor({ state: "detached" });
  assert.ok(!(await page.content()).includes(secret), "closed is forgotten");

  const post = () =>
    fetch(new URL("/v1/events", server.url), {
      method: "POST",
      headers: { Authorization: `Bearer ${secret}`, "Content-Type": "application/json" },
      body: "[]",
    });
  assert.equal((await post()).status, 200);
  const { tokens } = await server.get("/v1/tokens");
  const made = tokens.find((token) => token.label === "gateway");
  assert.deepEqual([made.kind, made.organizationId, made.projectId], ["ingest", "acme", "search"]);
  await row(page, made.id).getByText("default project Search").waitFor();

  await row(page, made.id).getByTestId("revoke").click();
  await page.getByRole("dialog").getByText("Revoke gateway?").waitFor();
  assert.equal((await post()).status, 200, "not before it is confirmed");
  await send(page);
  await row(page, made.id).waitFor({ state: "detached" });
  assert.equal((await post()).status, 401);
});

test("a user token comes with a link that signs its person in", async (t) => {
  const server = await acme(t);
  const page = await open(t, server.operatorLink);
  await visit(page, "/administration/tokens", "tokens");
  await page.getByTestId("add").click();
  await choose(page, { kind: "user", userId: "dave" });
  await page.getByTestId("dialog-submit").click();
  const link = await page.getByTestId("secret-link").locator("code").innerText();
  const theirs = await open(t, link, { landsOn: "mine" });
  assert.equal(await theirs.getByTestId("nav-organizations").count(), 0);
});

test("an operator who revokes the token they signed in with is signed out", async (t) => {
  const server = await acme(t);
  const page = await open(t, server.operatorLink, { mayRefuse: true });
  await visit(page, "/administration/tokens", "tokens");
  await page.getByTestId("add").click();
  await choose(page, { kind: "operator" });
  await page.getByTestId("dialog-submit").click();
  const secret = await page.getByTestId("secret").locator("code").innerText();
  await page.goto(`${server.url}/administration/tokens#token=${secret}`);
  await ready(page, "tokens");
  const { tokens } = await server.get("/v1/tokens");
  const { id } = tokens.find((token) => token.kind === "operator" && token.id !== "operator");
  await row(page, id).getByTestId("revoke").click();
  await page.getByTestId("dialog-submit").click();
  await page.getByTestId("signin-token").waitFor();
});

// What somebody would have believed at night: that it is up to them to find out which files there are and what to type.
test("backups are listed, each with the command that brings it back", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "rollcall backups "));
  t.after(() => rm(folder, { recursive: true }));
  const server = await serve(t, ["--backup-dir", folder, "--backup-every", "24h"]);
  await server.directory({ organizations: [{ id: "acme" }] });
  await writeFile(join(folder, "rollcall-20200601T000000Z.redb"), "");
  await writeFile(join(folder, "notes.txt"), "");
  let answer;
  do answer = await server.get("/v1/backups");
  while (answer.backups.length < 2);
  const page = await open(t, server.operatorLink);
  await visit(page, "/administration/store", "store");
  await page.getByTestId("backup-entry").first().waitFor();
  const shown = await page.getByTestId("backup-entry").locator("code").allInnerTexts();
  assert.deepEqual(shown, answer.backups.map(({ restore }) => restore));
  assert.equal(answer.directory, await realpath(folder));
  for (const { name, restore } of answer.backups) {
    assert.match(restore, /^rollcall restore '[^']*' --data-dir [^ ]+ --force$/);
    assert.ok(restore.includes(join(answer.directory, name)));
  }
  for (const viewport of [LAPTOP, PHONE]) {
    await page.setViewportSize(viewport);
    await accessible(page, "backups");
    await withinWidth(page, "backups");
  }
});

test("store health is what the server says of itself; a check, a compaction and a backup are a click", async (t) => {
  const server = await acme(t);
  await server.events(
    [1, 2, 3].map((i) => ({
      id: `call-${i}`,
      timestamp: "2026-06-01T12:00:00Z",
      organizationId: "acme",
      projectId: "search",
      apiKeyId: "k-olga",
      usedModel: "openai/gpt-4o",
      cost: "0.5",
    })),
  );
  await fetch(new URL("/v1/ingest/litellm", server.url), {
    method: "POST",
    headers: { Authorization: `Bearer ${new URL(server.operatorLink).hash.slice(7)}`, "Content-Type": "application/json" },
    body: "[{}]",
  });
  const page = await open(t, server.operatorLink);
  await visit(page, "/administration/store", "store");
  const figure = (id) => page.getByTestId(`health-${id}`).getByTestId("health-figure").innerText();
  await page.getByTestId("health-server").getByText("Ready").waitFor();
  assert.equal(await figure("events"), "3");
  assert.equal(await figure("backups"), "None");
  assert.equal(await page.locator("[data-testid=feed-row][data-key=litellm] [data-field=rejected]").innerText(), "1");

  await page.getByTestId("verify").click();
  await page.getByTestId("verify-result").getByText(/^All is right: \d+ entries and 1 rows were checked\.$/).waitFor();
  await page.getByTestId("compact").click();
  await page.getByTestId("compact-result").getByText(/^1 rows sealed, 0 still open, .+ on disk\.$/).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("backup").click()]);
  assert.match(download.suggestedFilename(), /^rollcall-\d{8}T\d{6}Z\.redb$/);
  assert.equal((await readFile(await download.path())).subarray(0, 4).toString(), "redb");
});

test("usage that came without a price is offered one with the amount, and booked when that has been seen", async (t) => {
  const first = await acme(t);
  const call = (id, usedModel) => ({
    id,
    timestamp: new Date().toISOString(),
    organizationId: "acme",
    projectId: "search",
    apiKeyId: "k-olga",
    usedModel: `own/${usedModel}`,
    promptTokens: 1_000_000,
  });
  await first.events([call("a", "own-7b"), call("b", "own-7b"), call("c", "own-8b"), call("d", "unheard-of")]);
  const store = await first.stop();
  const prices = join(store, "prices.json");
  const known = [
    { model: "own-7b", inputPerMillion: "0.2", outputPerMillion: "1" },
    { model: "own-8b", perRequest: "1000.000000000001" },
  ];
  await writeFile(prices, JSON.stringify({ prices: known }));
  const server = await serve(t, ["--prices", prices], store);
  const page = await open(t, server.operatorLink);
  await visit(page, "/administration/store", "store");
  const found = page.getByTestId("repricing");
  await found.getByText("A price is known by now for 3 requests of 2 models: $1,000.40 in all.").waitFor();
  await found.getByText("For 1 request no price is known.").waitFor();
  assert.equal(await found.locator("[data-exact]").getAttribute("data-exact"), "1000.400000000001");

  await page.getByTestId("reprice").click();
  const rows = page.getByTestId("repricing-models").locator("tbody tr");
  assert.deepEqual(await rows.allInnerTexts(), ["own-7b acme\t2\t$0.40", "own-8b acme\t1\t$1,000.00"]);
  await accessible(page, "the dialog");
  await page.getByTestId("dialog-submit").click();
  await found.getByText("$1,000.40 were booked.").waitFor();
  await found.getByText("For 1 request no price is known.").waitFor();
  assert.equal(await page.getByTestId("reprice").count(), 0, "there is nothing left to book");
  const { repricings } = await server.get("/v1/repricings?organizationId=acme");
  assert.equal(repricings.length, 1);
});

test("zone rules and list prices have their edition, date and source, and say when they are old", async (t) => {
  const server = await acme(t);
  const page = await open(t, server.operatorLink);
  const { today } = await server.get("/v1/calendar?timezone=Europe/Paris");
  const before = (days) => new Date(Date.parse(`${today}T00:00:00Z`) - days * 86_400_000).toISOString().slice(0, 10);
  const day = (date) =>
    new Intl.DateTimeFormat("en-US", { timeZone: "UTC", dateStyle: "medium" }).format(new Date(`${date}T00:00:00Z`));
  await visit(page, "/administration/store", "store");
  const zones = page.getByTestId("zone-database");
  const said = await server.get("/healthz");
  await zones.getByText(`Edition ${said.zoneDatabase}`).waitFor();
  await zones.getByText(`of ${day(said.zoneDatabaseDate)}`).waitFor();
  await page.getByTestId("list-prices").getByText(`of ${day(said.listPrices.date)}`).waitFor();

  const health = {
    status: "ok",
    version: "1.0.0",
    zoneDatabase: "2026f",
    zoneDatabaseDate: before(60),
    zoneDatabaseSource: "built in",
    listPrices: { date: before(61), source: "file", models: 1234 },
  };
  await page.route("**/healthz", (route) => route.fulfill({ json: health }));
  await visit(page, "/administration/store", "store");
  const facts = (one) => one.locator(".fact").allInnerTexts();
  assert.deepEqual(await facts(zones), ["Edition 2026f", "came with the server", `of ${day(before(60))}`]);
  assert.equal(await zones.locator(".task-warning").count(), 0);
  const prices = page.getByTestId("list-prices");
  assert.deepEqual(await facts(prices), ["1,234 models", "from --list-prices", `of ${day(before(61))}`]);
  assert.match(await prices.locator(".task-warning").innerText(), /^They are 61 days old\..+--list-prices\.$/);
});

test("what the server refuses is said in the dialog, which stays open with what was typed", async (t) => {
  const server = await acme(t);
  const page = await open(t, server.operatorLink, { mayRefuse: true });
  await visit(page, `${ORGANIZATIONS}/acme/projects`, "organization");
  await page.getByTestId("add").click();
  await fill(page, { id: "lab" });
  await page.route("**/v1/directory", (route) =>
    route.fulfill({
      status: 503,
      contentType: "application/problem+json",
      body: JSON.stringify({ type: "about:blank", title: "Service Unavailable", status: 503, detail: "the queue is full" }),
    }),
  );
  await page.getByTestId("dialog-submit").click();
  await page.getByRole("alert").getByText("the queue is full").waitFor();
  assert.equal(await page.getByTestId("field-id").inputValue(), "lab");
  await page.unroute("**/v1/directory");
  await send(page);
  await row(page, "lab").waitFor();
});

test("an organization that does not exist is said to be unknown", async (t) => {
  const page = await open(t, (await acme(t)).operatorLink, { mayRefuse: true });
  await page.goto(new URL(`${ORGANIZATIONS}/nobody`, page.url()).href);
  await page.getByText("there is no organization 'nobody'").waitFor();
});

test("nobody but the operator has these pages, and nobody loads them before they are asked for", async (t) => {
  for (const [link, landsOn] of [[LINK, "analytics"], [DEVELOPER_LINK, "mine"]]) {
    const page = await open(t, link, { landsOn });
    assert.equal(await page.getByTestId("nav-organizations").count(), 0);
    for (const path of PAGES) {
      await page.goto(new URL(path, LINK).href);
      await page.getByRole("heading", { name: "Nothing here" }).waitFor();
    }
  }
  const server = await acme(t);
  const page = await open(t, server.operatorLink);
  const loaded = () =>
    page.evaluate(() =>
      performance
        .getEntriesByType("resource")
        .map((entry) => entry.name)
        .filter((name) => /(Organization|Organizations|Tokens|Store)Page|FormDialog/.test(name)),
    );
  assert.deepEqual(await loaded(), []);
  await page.getByTestId("nav-tokens").click();
  await ready(page, "tokens");
  assert.ok((await loaded()).length > 0);
});

test("the sidebar keeps the organization that was looked at", async (t) => {
  const server = await acme(t);
  await server.directory({ organizations: [{ id: "zeta", name: "Zeta" }] });
  const page = await open(t, server.operatorLink);
  await visit(page, "/organizations/zeta/keys", "keys");
  await page.getByTestId("nav-store").click();
  await ready(page, "store");
  await page.getByTestId("nav-keys").click();
  await page.waitForURL((url) => url.pathname === "/organizations/zeta/keys");
});

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [LAPTOP, PHONE]) {
    test(`axe finds nothing on the operator's pages: ${colorScheme}, ${viewport.width} px`, async (t) => {
      const server = await acme(t);
      await server.linkOf("dave");
      const page = await open(t, server.operatorLink, { colorScheme, viewport });
      const fine = async (what) => {
        await accessible(page, what);
        await withinWidth(page, what);
      };
      for (const [path, testId] of [
        [ORGANIZATIONS, "organizations"],
        [`${ORGANIZATIONS}/acme`, "organization"],
        [`${ORGANIZATIONS}/acme/projects`, "organization"],
        ["/administration/store", "store"],
      ]) {
        await visit(page, path, testId);
        await fine(path);
      }
      await page.getByTestId("verify").click();
      await page.getByTestId("verify-result").getByText("All is right").waitFor();
      await fine("a check's result");

      await visit(page, `${ORGANIZATIONS}/acme/members`, "organization");
      await fine("members");
      await row(page, "dave").getByTestId("edit").click();
      await choose(page, { access: "some" });
      await fine("a member's form");
      await visit(page, `${ORGANIZATIONS}/acme/keys`, "organization");
      await fine("keys");
      await row(page, "k-olga").getByTestId("delete").click();
      await fine("a question before deleting");
      await visit(page, "/administration/tokens", "tokens");
      await fine("tokens");
      await page.getByTestId("add").click();
      await choose(page, { kind: "user" });
      await page.getByTestId("dialog-submit").click();
      await page.getByTestId("secret").waitFor();
      await fine("a secret");
    });
  }
}

test("a token that was found somewhere says whose it is, who made it, when it was used and when it ends", async (t) => {
  const server = await acme(t);
  const link = await server.linkOf("dave");
  const secret = new URL(link).hash.replace("#token=", "");
  await open(t, link, { landsOn: "mine" });
  const page = await open(t, server.operatorLink);
  await visit(page, "/administration/tokens", "tokens");
  await page.getByTestId("find-token").click();
  await fill(page, { secret });
  await send(page);
  await page.getByTestId("entry-found").getByText(/^1 of \d+$/).waitFor();
  const found = page.getByTestId("entry-row");
  assert.equal(await found.count(), 1);
  const { tokens } = await server.get("/v1/tokens");
  const dave = tokens.find((token) => token.label === "dave");
  assert.equal(await found.getAttribute("data-key"), dave.id);
  await found.locator("[data-field=created]").getByText("by first operator token").waitFor();
  assert.equal(await found.locator("[data-field=expires]").innerText(), "never");
  assert.notEqual(await found.locator("[data-field=lastUsed]").innerText(), "never", "the page was signed in with it");
  await found.getByTestId("revoke").click();
  await page.getByRole("dialog").getByText(`${dave.id} · for Dave`).waitFor();
  await page.getByRole("dialog").getByText("Cancel").click();

  await page.getByTestId("add").click();
  await choose(page, { organizationId: "acme" });
  await fill(page, { label: "gateway", apiKeyId: "k-olga", expiresAt: "2999-01-31" });
  await page.getByTestId("dialog-submit").click();
  await page.getByTestId("secret-done").click();
  await page.getByTestId("entry-search").fill("gateway");
  const made = page.getByTestId("entry-row");
  await made.getByText("default key Olga's key").waitFor();
  assert.match(await made.locator("[data-field=expires]").innerText(), /31.*2999/);
  const gateway = (await server.get("/v1/tokens")).tokens.find((token) => token.label === "gateway");
  assert.deepEqual([gateway.apiKeyId, gateway.expiresAt.slice(0, 7)], ["k-olga", "2999-01"]);
  for (const viewport of [LAPTOP, PHONE]) {
    await page.setViewportSize(viewport);
    await page.getByTestId("find-token").click();
    await accessible(page, "finding a token");
    await withinWidth(page, "finding a token");
    await page.getByRole("dialog").getByText("Cancel").click();
  }
});

test("the audit log has names, old and new values, and is narrowed to a person and to days", async (t) => {
  const server = await acme(t);
  await server.linkOf("dave");
  await server.directory({ projects: [{ id: "chat", organizationId: "acme", name: "Chatter" }] });
  const page = await open(t, server.operatorLink, { landsOn: null });
  await page.getByTestId("nav-audit").click();
  await ready(page, "audit");
  await page.getByText("project chat (name 'Chat' → 'Chatter')").first().waitFor();
  const change = page.getByTestId("entry-row").filter({ hasText: "Chatter" });
  await change.locator("[data-field=actor]").getByText("first operator token").waitFor();
  await change.locator("[data-field=target]").getByText("Acme").waitFor();
  await page.getByTestId("audit-userId").fill("dave");
  await page.getByTestId("entry-row").first().getByText("user token 'dave'").first().waitFor();
  await page.getByTestId("entry-row").nth(1).waitFor({ state: "detached" });
  const csv = await page.getByTestId("audit-csv").getAttribute("href");
  const table = await page.evaluate(async (path) => (await fetch(path)).text(), csv);
  assert.match(table, /^sequence,at,actor,actorName,action,/);
  assert.equal(table.trim().split("\r\n").length, 2);
  await page.getByTestId("audit-to").fill("2020-12-31");
  await page.getByText("Nothing yet.").waitFor();
});

test("the audit log is the operator's whole and an owner's part of it", async (t) => {
  const server = await acme(t);
  const [olga, dave] = [await server.linkOf("olga"), await server.linkOf("dave")];
  await server.directory({ organizations: [{ id: "old", name: "Older Co" }] });
  const all = await open(t, server.operatorLink, { landsOn: null });
  await all.getByTestId("nav-audit").click();
  await ready(all, "audit");
  const answer = await server.get("/v1/audit");
  assert.equal(await all.getByTestId("entry-row").count(), answer.entries.length);
  assert.equal(await all.getByTestId("entry-row").first().getAttribute("data-key"), String(answer.entries[0].sequence));
  await all.getByTestId("entry-search").fill("token created");
  await all.getByTestId("entry-found").getByText(/^\d+ of \d+$/).waitFor();
  for (const viewport of [LAPTOP, PHONE]) {
    await all.setViewportSize(viewport);
    await accessible(all, "the audit log");
    await withinWidth(all, "the audit log");
  }

  const owner = await open(t, olga, { landsOn: null });
  await owner.getByTestId("nav-audit").click();
  await ready(owner, "audit");
  const part = await server.get("/v1/audit?organizationId=acme");
  // What this page's own sign-in added is in both.
  assert.equal(await owner.getByTestId("entry-row").count(), part.entries.length);
  assert.ok(part.entries.length < answer.entries.length + 2);
  assert.equal(await owner.getByText("Older Co").count(), 0);

  const developer = await open(t, dave, { landsOn: null });
  await developer.getByTestId("nav-keys").waitFor();
  assert.equal(await developer.getByTestId("nav-audit").count(), 0);
  await developer.goto(new URL("/organizations/acme/audit", dave).href);
  await developer.getByText("Nothing here").waitFor();
});

test("the intake is the operator's whole and an owner's part of it", async (t) => {
  const server = await acme(t);
  const [olga, dave] = [await server.linkOf("olga"), await server.linkOf("dave")];
  const call = { timestamp: Date.now(), projectId: "search", apiKeyId: "k-olga", usedModel: "openai/gpt-4o", promptTokens: 7 };
  await server.events([
    { ...call, id: "1", organizationId: "acme" },
    { ...call, id: "2", organizationId: "acme", promptTokens: -1 },
    { ...call, id: "3", organizationId: "beta" },
  ]);
  const all = await open(t, server.operatorLink, { landsOn: null });
  await all.getByTestId("nav-intake").click();
  await ready(all, "intake");
  const { intake } = await server.get("/v1/intake");
  assert.equal(intake.length, 3);
  const rows = all.getByTestId("entry-row");
  assert.equal(await rows.count(), intake.length);
  assert.equal(await rows.filter({ hasText: "beta" }).count(), 1);
  const rejected = rows.filter({ hasText: "promptTokens is not valid" });
  assert.match(await rejected.innerText(), /Rejected[^]*such as id 2: promptTokens is -1[^]*1/);
  await all.getByTestId("entry-search").fill("not valid");
  await all.getByTestId("entry-found").getByText("1 of 3").waitFor();
  assert.match(await all.getByTestId("list-csv").getAttribute("href"), /^\/v1\/intake\?format=csv$/);
  for (const viewport of [LAPTOP, PHONE]) {
    await all.setViewportSize(viewport);
    await accessible(all, "the intake");
    await withinWidth(all, "the intake");
  }

  const owner = await open(t, olga, { landsOn: null });
  await owner.getByTestId("nav-intake").click();
  await ready(owner, "intake");
  assert.equal(await owner.getByTestId("entry-row").count(), 2);
  assert.equal(await owner.getByText("beta").count(), 0);

  const developer = await open(t, dave, { landsOn: null });
  await developer.getByTestId("nav-keys").waitFor();
  assert.equal(await developer.getByTestId("nav-intake").count(), 0);
  await developer.goto(new URL("/organizations/acme/intake", dave).href);
  await developer.getByText("Nothing here").waitFor();
});

test("a phone's drawer leads to the operator's pages", async (t) => {
  const page = await open(t, (await acme(t)).operatorLink, { viewport: PHONE });
  await page.getByRole("button", { name: "Open menu" }).click();
  const drawer = page.getByRole("dialog");
  await drawer.getByTestId("nav-tokens").click();
  await ready(page, "tokens");
  await drawer.waitFor({ state: "detached" });
});
