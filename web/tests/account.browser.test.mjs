// One's own account: sessions, programs that are let in, and invitations.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { accessible, LAPTOP, open, PHONE, ready, visit, withinWidth } from "./browser.mjs";
import { serve } from "./server.mjs";

// S256 of RFC 7636, appendix B.
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

async function acme(t) {
  const server = await serve(t);
  await server.directory({
    organizations: [{ id: "acme", name: "Acme" }],
    projects: [{ id: "web", organizationId: "acme", name: "Web" }],
    users: [{ id: "olga", name: "Olga" }],
    members: [{ organizationId: "acme", userId: "olga", role: "owner" }],
  });
  return server;
}

/** Asks as a program does. */
async function form(server, path, fields) {
  const response = await fetch(new URL(path, server.url), { method: "POST", body: new URLSearchParams(fields) });
  return { status: response.status, body: await response.json() };
}

const rows = (page) => page.getByTestId("sessions-table").getByTestId("entry-row");

test("a program on this machine is let in, listed and ended", async (t) => {
  const server = await acme(t);
  const page = await open(t, await server.linkOf("olga"), { mayRefuse: true });
  let brought = null;
  const program = createServer((request, response) => {
    if (request.url.startsWith("/?")) brought = new URL(request.url, "http://127.0.0.1").searchParams;
    response.end("done");
  });
  await once(program.listen(0, "127.0.0.1"), "listening");
  t.after(() => program.close());
  const redirect_uri = `http://127.0.0.1:${program.address().port}/`;
  const asked = { redirect_uri, state: "of-the-test", code_challenge: CHALLENGE, name: "laptop" };
  await page.goto(`${server.url}/login?${new URLSearchParams(asked)}`);
  await page.getByTestId("question").getByText("laptop wants to read").waitFor();
  await accessible(page);
  await page.getByTestId("login-allow").click();
  await page.getByText("done").waitFor();
  assert.equal(brought.get("state"), "of-the-test");
  const fields = { grant_type: "authorization_code", code: brought.get("code"), code_verifier: VERIFIER, redirect_uri };
  const { body } = await form(server, "/v1/login/token", fields);
  const asProgram = () => fetch(new URL("/v1/me", server.url), { headers: { Authorization: `Bearer ${body.access_token}` } });
  assert.equal((await asProgram()).status, 200);

  await page.goto(server.url);
  await ready(page, "analytics");
  await page.getByTestId("nav-sessions").click();
  await ready(page, "sessions");
  for (const size of [PHONE, LAPTOP]) {
    await page.setViewportSize(size);
    await withinWidth(page);
    await accessible(page);
  }
  assert.equal(await rows(page).count(), 2);
  // One's own is ended by signing out.
  assert.equal(await page.getByTestId("end-session").count(), 1);
  await rows(page).getByText("laptop, let in").waitFor();
  await page.getByTestId("end-session").click();
  await page.getByTestId("dialog-submit").click();
  await page.getByTestId("dialog").waitFor({ state: "detached" });
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=entry-row]").length === 1);
  assert.equal((await asProgram()).status, 401);
});

test("a program elsewhere is let in by its code, or refused, and others are signed out", async (t) => {
  const server = await acme(t);
  const link = await server.linkOf("olga");
  const [page, other] = [await open(t, link, { mayRefuse: true }), await open(t, link, { mayRefuse: true })];
  const begin = async () => (await form(server, "/v1/login/device", { client_name: "builder" })).body;
  const told = async ({ device_code }) => {
    const grant_type = "urn:ietf:params:oauth:grant-type:device_code";
    return form(server, "/v1/login/token", { grant_type, device_code });
  };
  const first = await begin();
  await page.goto(first.verification_uri);
  await page.getByTestId("login-code").fill("BBBB-BBBB");
  await page.getByTestId("login-next").click();
  await page.getByText("no program shows that code").waitFor();
  await page.getByTestId("login-code").fill(first.user_code.toLowerCase());
  await page.getByTestId("login-next").click();
  await page.getByText("It asked from 127.0.0.1").waitFor();
  await accessible(page);
  await page.getByTestId("login-allow").click();
  await page.getByText("It is in").waitFor();
  assert.equal((await told(first)).status, 200);
  const second = await begin();
  await page.goto(second.verification_uri_complete);
  await page.getByTestId("login-next").click();
  await page.getByTestId("login-refuse").click();
  await page.getByText("It was refused").waitFor();
  assert.equal((await told(second)).body.error, "access_denied");

  await visit(page, "/sessions", "sessions");
  assert.equal(await rows(page).count(), 3);
  await page.getByTestId("end-others").click();
  await page.getByTestId("dialog-submit").click();
  await page.getByTestId("dialog").waitFor({ state: "detached" });
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=entry-row]").length === 1);
  await other.reload();
  await other.getByTestId("signin-token").waitFor();
  const operator = await open(t, server.operatorLink);
  await visit(operator, "/sessions", "sessions");
  await rows(operator).locator("[data-field=whose]").getByText("Olga").first().waitFor();
  await operator.goto(second.verification_uri);
  await operator.getByText("Only a person can let a program in.").waitFor();
});

test("an owner invites somebody, who is a member once they have accepted", async (t) => {
  const server = await acme(t);
  const page = await open(t, await server.linkOf("olga"));
  await visit(page, "/organizations/acme/settings/invitations", "settings");
  await page.getByTestId("add").click();
  await page.getByTestId("field-email").fill("new@acme.example");
  await page.getByTestId("field-access").selectOption("some");
  await page.getByTestId("project-web").check();
  await accessible(page);
  await page.getByTestId("dialog-submit").click();
  const link = await page.getByTestId("invitation-link").locator("code").innerText();
  await page.getByTestId("secret-done").click();
  const listed = page.getByTestId("invitations-table").getByTestId("entry-row");
  await listed.getByText("new@acme.example").waitFor();
  await accessible(page);

  const guest = await open(t, null, { viewport: PHONE });
  await guest.goto(link);
  await guest.getByText("You are invited to Acme").waitFor();
  assert.ok(!guest.url().includes("rc_invite_"), "the link is not left in the address");
  await withinWidth(guest);
  await accessible(guest);
  await guest.getByTestId("accept").click();
  await guest.getByRole("button", { name: "Open menu" }).waitFor();
  const me = await guest.evaluate(async () => (await fetch("/v1/session")).json());
  assert.deepEqual([me.user.email, me.organizations[0].id, me.organizations[0].role], ["new@acme.example", "acme", "developer"]);
  const late = await open(t, null, { mayRefuse: true });
  await late.goto(link);
  await late.getByText("Ask for another.").waitFor();
  await page.reload();
  await ready(page, "settings");
  await page.getByTestId("invitations-table").getByText("Nobody is invited.").waitFor();
});
