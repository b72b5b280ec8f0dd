// Whose usage counts for whom, by the one who says it: the owner. And what the others see of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, LAPTOP, open, PHONE, ready, withinWidth } from "./browser.mjs";
import { serve } from "./server.mjs";

const event = (id, timestamp, apiKeyId, cost) => ({
  id,
  timestamp,
  organizationId: "acme",
  projectId: "web",
  apiKeyId,
  usedModel: "openai/gpt-4o",
  cost,
});

/** Acme in Berlin, whose 12 June begins at 22:00 UTC of the 11th; `k1` is Ada's. */
async function acme(t) {
  const server = await serve(t);
  await server.directory({
    organizations: [{ id: "acme", name: "Acme", timezone: "Europe/Berlin" }],
    projects: [{ id: "web", organizationId: "acme", name: "Web shop" }],
    users: [
      { id: "ada", name: "Ada", email: "ada@acme.test" },
      { id: "ben", name: "Ben", email: "ben@acme.test" },
    ],
    members: [
      { organizationId: "acme", userId: "olga", role: "owner" },
      { organizationId: "acme", userId: "adam", role: "admin" },
      { organizationId: "acme", userId: "ada", role: "developer" },
      { organizationId: "acme", userId: "ben", role: "developer" },
    ],
    apiKeys: [
      { id: "k1", organizationId: "acme", projectId: "web", createdBy: "ada", description: "Nightly evals" },
      { id: "k2", organizationId: "acme", projectId: "web", createdBy: "ben" },
    ],
  });
  await server.events([
    event("before", "2026-06-11T21:59:59.999Z", "k1", "2.5"),
    event("after", "2026-06-11T22:00:00Z", "k1", "4.25"),
    event("bens", "2026-06-13T10:00:00Z", "k2", "1"),
  ]);
  return server;
}

const teamsOf = (server) => new URL("/organizations/acme/teams", server.url).href;
const row = (page, key) => page.locator(`[data-testid=teams-table] [data-testid=entry-row][data-key=${key}]`);
const dialog = (page, name) => page.getByRole("dialog", { name });

/** Saves what was seen to move; the pages behind it are as they are after. */
async function save(page) {
  await dialog(page, "What moves").getByTestId("dialog-submit").click();
  await page.getByTestId("dialog").first().waitFor({ state: "detached" });
}

async function june(server, by) {
  const answer = await server.get(
    `/analytics/activity?organizationId=acme&from=2026-06-01&to=2026-06-30&timezone=Europe/Berlin&groupBy=${by}`,
  );
  return Object.fromEntries(answer.ranking.map(({ key, cost }) => [key ?? "", cost]));
}

/** What a preview says of each key: its cost now and then. */
async function movesIn(page, testId) {
  const table = page.getByTestId(testId);
  await table.waitFor();
  return Object.fromEntries(
    await table.getByTestId("moves-row").evaluateAll((rows) =>
      rows.map((one) => [one.dataset.key, [...one.querySelectorAll("[data-exact]")].map((cell) => cell.dataset.exact)]),
    ),
  );
}

test("an owner hands a key over on the 12th, sees before what moves, and takes it back", async (t) => {
  const server = await acme(t);
  const page = await open(t, await server.linkOf("olga"));
  await page.getByTestId("nav-teams").click();
  await ready(page, "teams");
  for (const [id, name, centre] of [
    ["search", "Search", "4711"],
    ["research", "Research", ""],
  ]) {
    await page.getByTestId("add").first().click();
    await page.getByTestId("field-id").fill(id);
    await page.getByTestId("field-name").fill(name);
    await page.getByTestId("field-costCentre").fill(centre);
    await page.getByTestId("dialog-submit").click();
    await row(page, id).waitFor();
  }
  assert.match(await row(page, "search").innerText(), /Search[\s\S]*4711/);

  // People belong to teams, so the key's cost goes with it.
  await page.getByTestId("add").last().click();
  await page.getByTestId("field-kind").selectOption("user");
  await page.getByTestId("field-subject").selectOption("ben");
  await page.getByTestId("field-target").selectOption("search");
  await page.getByTestId("field-from").fill("2026-01-01");
  await dialog(page, "Assign").getByTestId("dialog-submit").click();
  assert.deepEqual(await movesIn(page, "moves-team"), { search: ["0", "1"], "": ["7.75", "6.75"] });
  await save(page);
  assert.match(await row(page, "search").innerText(), /1 person/);

  await page.getByTestId("add").last().click();
  await page.getByTestId("field-subject").selectOption("k1");
  await page.getByTestId("field-what").selectOption("owner");
  await page.getByTestId("field-target").selectOption("ben");
  await page.getByTestId("field-from").fill("2026-06-12");
  await dialog(page, "Assign").getByTestId("dialog-submit").click();
  assert.deepEqual(await movesIn(page, "moves-person"), { ada: ["4.25", "0"], ben: ["1", "5.25"] });
  assert.deepEqual(await movesIn(page, "moves-team"), { search: ["1", "5.25"], "": ["4.25", "0"] });
  assert.deepEqual(await june(server, "user"), { ada: 6.75, ben: 1 }, "nothing is saved yet");
  await accessible(page, "what moves");
  await save(page);
  assert.deepEqual(await june(server, "user"), { ada: 2.5, ben: 5.25 });
  assert.deepEqual(await june(server, "team"), { search: 5.25, "": 2.5 });

  // What was said stays to be seen, and goes as it came.
  const key = page.locator("[data-testid=assignments-table] [data-testid=entry-row]", { hasText: "Nightly evals" });
  assert.match(await key.innerText(), /Ben[\s\S]*since Jun 12, 2026/);
  await key.getByTestId("history-open").click();
  await accessible(page, "the history of a key");
  assert.match(await page.getByTestId("history-entry").innerText(), /Ben[\s\S]*holds today[\s\S]*From Jun 12, 2026/);
  await page.getByTestId("take-out").click();
  assert.deepEqual(await movesIn(page, "moves-person"), { ada: ["0", "4.25"], ben: ["5.25", "1"] });
  await save(page);
  await key.waitFor({ state: "detached" });
  assert.deepEqual(await june(server, "user"), { ada: 6.75, ben: 1 });

  await row(page, "research").getByTestId("delete").click();
  await page.getByTestId("dialog-submit").click();
  await row(page, "research").getByTestId("restore").waitFor();
  await row(page, "research").getByTestId("restore").click();
  await row(page, "research").getByTestId("delete").waitFor();
});

test("an owner imports what accounts keep: what is wrong is named, what moves is seen", async (t) => {
  const server = await acme(t);
  // One table is refused on purpose.
  const page = await open(t, await server.linkOf("olga"), { mayRefuse: true });
  await page.goto(teamsOf(server));
  await ready(page, "teams");
  await page.getByTestId("import").click();
  const table = (text) => ({ name: "teams.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
  const csv = "key,email,team,costCentre,from\nNightly evals,,Search,4711,2026-06-12\n,ben@acme.test,Research,,2026-01-01\n";
  await page.getByTestId("field-file").setInputFiles(table(csv.replace("evals", "eval")));
  await page.getByTestId("field-newTeams").check();
  await page.getByTestId("dialog-submit").click();
  await page.getByText("line 2: there is no API key 'Nightly eval'; did you mean nightly evals?").waitFor();
  await page.getByTestId("field-file").setInputFiles(table(csv));
  await page.getByTestId("dialog-submit").click();
  await page.getByText("2 assignments, and 2 teams new or changed.").waitFor();
  assert.deepEqual(await movesIn(page, "moves-team"), {
    "": ["7.75", "2.5"],
    search: ["0", "4.25"],
    research: ["0", "1"],
  });
  assert.deepEqual((await server.get("/v1/directory?organizationId=acme")).teams, []);
  await save(page);
  await row(page, "search").waitFor();
  assert.deepEqual(await june(server, "team"), { "": 2.5, search: 4.25, research: 1 });
  assert.deepEqual(await june(server, "costCentre"), { "": 3.5, 4711: 4.25 });
});

test("which team drives the bill, and who reads what of it", async (t) => {
  const server = await acme(t);
  const team = (id, name) => ({ id, organizationId: "acme", name });
  const of = (subject, teamId) => ({ organizationId: "acme", subject, teamId, from: "2026-01-01" });
  await server.directory({
    teams: [team("search", "Search"), team("research", "Research"), team("idle", "Idle")],
    assignments: [of({ apiKeyId: "k1" }, "search"), of({ userId: "ben" }, "research")],
  });
  const now = new Date().toISOString();
  await server.events([event("n1", now, "k1", "3"), event("n2", now, "k2", "7"), event("n3", now, "k3", "2")]);
  const page = await open(t, await server.linkOf("olga"));
  await page.goto(teamsOf(server));
  await ready(page, "teams");
  const shown = () =>
    page.locator("[data-testid=teams-table] [data-testid=entry-row]").evaluateAll((rows) =>
      rows.map((one) => [one.dataset.key, one.querySelector("[data-exact]").dataset.exact]),
    );
  assert.deepEqual(await shown(), [["research", "7"], ["search", "3"], ["idle", "0"], ["", "2"]]);
  assert.match(await row(page, "research").innerText(), /1 person[\s\S]*\$7\.00[\s\S]*58\.3%/);
  await row(page, "research").getByTestId("entry-link").click();
  await ready(page, "analytics");
  assert.deepEqual(new URL(page.url()).searchParams.getAll("team"), ["research"], "the team's usage, by person");
  assert.equal(new URL(page.url()).searchParams.get("by"), "user");

  for (const [viewport, colorScheme] of [[LAPTOP, "light"], [PHONE, "dark"]]) {
    const other = await open(t, await server.linkOf("olga"), { viewport, colorScheme });
    await other.goto(teamsOf(server));
    await ready(other, "teams");
    await accessible(other, `teams, ${colorScheme}`);
    await withinWidth(other, "teams");
    await other.getByTestId("add").last().click();
    await accessible(other, `assigning, ${colorScheme}`);
    await withinWidth(other, "assigning");
    await dialog(other, "Assign").getByTestId("dialog-submit").click();
    await other.getByTestId("moves-team").waitFor();
    await withinWidth(other, "what moves");
  }

  const admin = await open(t, await server.linkOf("adam"));
  await admin.getByTestId("nav-teams").click();
  await ready(admin, "teams");
  assert.match(await row(admin, "research").innerText(), /Research[\s\S]*\$7\.00/);
  assert.equal(await admin.getByTestId("add").count(), 0, "admins read");
  assert.equal(await admin.getByTestId("assignments-table").count(), 0);
  await accessible(admin, "teams, as an admin");
  const developer = await open(t, await server.linkOf("ada"), { landsOn: "mine" });
  assert.equal(await developer.getByTestId("nav-teams").count(), 0);
  const operator = await open(t, server.operatorLink);
  await operator.getByTestId("nav-teams").click();
  await ready(operator, "teams");
  assert.equal(await operator.getByTestId("add").count(), 2, "teams and assignments");
});
