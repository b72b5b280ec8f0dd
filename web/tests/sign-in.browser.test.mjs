// Signing in by a real provider: whom it lets in, whom it does not, and what the page says of it.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { accessible, open, PHONE, ready, withinWidth } from "./browser.mjs";
import { signInThere, startProvider } from "./provider.mjs";
import { serve } from "./server.mjs";

const ANALYTICS = "/organizations/acme/analytics?from=2026-06-01&to=2026-06-30&tz=UTC&by=user&metric=cost";

const ACCOUNTS = {
  ada: { email: "ada@acme.example", email_verified: true, name: "Ada Ürsprung" },
  // In the directory as well, by an address that nobody has verified.
  ben: { email: "ben@acme.example", email_verified: false },
  eve: { email: "eve@acme.example", email_verified: true, groups: ["finance"] },
  new: { email: "new@acme.example", email_verified: true, name: "Nora", groups: ["engineering"] },
};

const GROUPS = [{ group: "engineering", organizationId: "acme", role: "admin" }];

/** Rollcall with a provider in front of it. */
async function installed(t, settings = {}, isLate = false) {
  const given = { groups: GROUPS, unknown: "member", ...settings };
  const provider = await startProvider(t, ACCOUNTS, given, isLate);
  const folder = await mkdtemp(join(tmpdir(), "rollcall-sign-in-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "provider.json");
  await writeFile(file, JSON.stringify(provider.file));
  const server = await serve(t, ["--oidc", file]);
  await provider.isFor(server.url);
  await server.directory({
    organizations: [{ id: "acme", name: "Acme", timezone: "Europe/Paris" }],
    users: [{ id: "u-ada", email: "Ada@acme.example" }, { id: "u-ben", email: "ben@acme.example" }],
    members: [
      { organizationId: "acme", userId: "u-ada", role: "owner" },
      { organizationId: "acme", userId: "u-ben", role: "owner" },
    ],
  });
  return { provider, server };
}

const me = (page) => page.evaluate(async () => (await fetch("/v1/session")).json());

async function begin(page, url) {
  await page.goto(url);
  await page.getByTestId("signin-provider").getByText("Sign in with Acme").click();
}

test("somebody is back where they wanted to go, and signed out when they say so", async (t) => {
  const { server } = await installed(t);
  const page = await open(t, null);
  await begin(page, server.url + ANALYTICS);
  await signInThere(page, "ada");
  await ready(page, "analytics");
  assert.equal(new URL(page.url()).pathname + new URL(page.url()).search, ANALYTICS);
  const { user, organizations } = await me(page);
  assert.deepEqual(user, { id: "u-ada", name: "Ada Ürsprung", email: "Ada@acme.example" });
  assert.equal(organizations[0].role, "owner");
  await page.evaluate(() => fetch("/v1/session", { method: "DELETE", headers: { "X-Rollcall-Request": "1" } }));
  await page.reload();
  await page.getByTestId("signin-provider").waitFor();
  assert.equal(await me(page), null);
});

test("who is in no group that gives access, or has no verified address, reads why", async (t) => {
  const [welcoming, closed] = [(await installed(t)).server, (await installed(t, { unknown: "refuse" })).server];
  for (const [server, name, words] of [
    [welcoming, "eve", "None of your groups gives access here."],
    [closed, "eve", "Nobody here is known by this account."],
    [closed, "ben", "This account has no verified e-mail address."],
  ]) {
    const page = await open(t, null);
    await begin(page, server.url + ANALYTICS);
    await signInThere(page, name);
    await page.getByTestId("signin-refused").getByText(words).waitFor();
    assert.equal(await me(page), null);
    // The next try leads to where the first was to.
    const next = new URL(await page.getByTestId("signin-provider").getAttribute("href"), server.url).searchParams;
    assert.equal(next.get("next"), ANALYTICS);
  }
  const german = await open(t, null, { locale: "de-DE" });
  await german.goto(`${closed.url}/?refused=group`);
  await german.getByTestId("signin-refused").getByText("Keine deiner Gruppen gibt hier Zugang.").waitFor();
  await german.getByTestId("signin-provider").getByText("Mit Acme anmelden").waitFor();
});

test("who is new is a member as their groups say", async (t) => {
  const { server } = await installed(t);
  const page = await open(t, null);
  await begin(page, server.url);
  await signInThere(page, "new");
  await ready(page, "analytics");
  const { user, organizations } = await me(page);
  assert.deepEqual([user.name, user.email, organizations[0].role], ["Nora", "new@acme.example", "admin"]);
});

test("a code is of use once, keys may change, and who is signed in stays when the provider is away", async (t) => {
  const { provider, server } = await installed(t);
  const page = await open(t, null, { mayRefuse: true });
  let ended = null;
  page.on("request", (request) => {
    if (request.url().includes("/v1/session/oidc/callback?")) ended = request;
  });
  await begin(page, server.url);
  await signInThere(page, "ada");
  await ready(page, "analytics");
  const { cookie } = await ended.allHeaders();
  assert.match(cookie, /rollcall_sign_in_/);
  const again = await fetch(ended.url(), { headers: { cookie }, redirect: "manual" });
  assert.equal(again.status, 403, "the provider knows the code is used");
  assert.match((await again.json()).detail, /invalid_grant/);
  assert.deepEqual(provider.refusals, ["authorization code already consumed"]);
  const elsewhere = await fetch(ended.url(), { redirect: "manual" });
  assert.equal(elsewhere.status, 400, "another browser did not begin it");

  await provider.rotate();
  const other = await open(t, null);
  await begin(other, server.url);
  await signInThere(other, "ada");
  await ready(other, "analytics");

  await provider.close();
  assert.equal((await me(page)).user.id, "u-ada");
  const late = await open(t, null);
  await begin(late, server.url);
  await late.getByTestId("signin-refused").getByText("The sign-in service does not answer.").waitFor();
});

test("a code that came too late opens nothing", async (t) => {
  const { provider, server } = await installed(t, {}, true);
  const page = await open(t, null, { mayRefuse: true });
  await begin(page, server.url);
  await signInThere(page, "ada");
  await page.getByTestId("signin-refused").getByText("That sign-in was refused.").waitFor();
  assert.deepEqual(provider.refusals, ["authorization code is expired"]);
  assert.equal(await me(page), null);
});

test("who signs out here is signed out at the provider as well", async (t) => {
  const { provider, server } = await installed(t);
  const page = await open(t, null, { mayRefuse: true });
  await begin(page, server.url);
  await signInThere(page, "ada");
  await ready(page, "analytics");
  await page.getByTestId("signout").click();
  await page.waitForURL(`${provider.issuer}/session/end**`);
  await page.locator("button[type=submit][value=yes]").click();
  await page.getByTestId("signin-provider").waitFor();
  assert.equal(new URL(page.url()).origin, new URL(server.url).origin);
  // It asks anew, as nobody is signed in there either.
  await page.getByTestId("signin-provider").click();
  await page.locator("input[name=login]").waitFor();
});

test("who signs out at the provider is signed out here", async (t) => {
  const { provider, server } = await installed(t);
  const page = await open(t, null, { mayRefuse: true });
  await begin(page, server.url);
  await signInThere(page, "ada");
  await ready(page, "analytics");
  await page.goto(`${provider.issuer}/session/end`);
  await page.locator("button[type=submit][value=yes]").click();
  await page.waitForURL("**/session/end/success**");
  const deadline = Date.now() + 30_000;
  for (;;) {
    await page.goto(server.url);
    if ((await me(page)) === null) break;
    assert.ok(Date.now() < deadline, "the session has ended");
  }
});

test("where the provider is enforced, tokens are for operators, and the page is for everyone", async (t) => {
  const { server } = await installed(t, { enforce: true });
  const page = await open(t, await server.linkOf("u-ada"), { landsOn: null, mayRefuse: true });
  await page.getByText("people sign in by 'Acme' here").waitFor();
  assert.equal(await me(page), null);
  const bare = await open(t, null, { viewport: PHONE });
  await bare.goto(server.url);
  await bare.getByTestId("signin-provider").waitFor();
  await withinWidth(bare);
  await accessible(bare);
  await bare.getByTestId("signin-with-token").getByText("Use an operator’s token instead").click();
  await accessible(bare);
  await bare.getByTestId("signin-token").fill("operator-token-of-the-browser-tests");
  await bare.getByTestId("signin-submit").click();
  await ready(bare, "analytics");
});
