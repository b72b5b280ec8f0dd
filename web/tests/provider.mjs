// A real provider of OpenID Connect (npm oidc-provider), with pages of its own where people sign in.
import { generateKeyPair } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { promisify } from "node:util";
import Provider from "oidc-provider";

const CLIENT = { client_id: "rollcall", client_secret: "client-secret-of-the-browser-tests" };
const SECOND_S = 60;
/** Past the second that a code is good for then. */
const LATE_MS = 2500;

async function newKeys(kid) {
  const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  return { keys: [{ ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" }] };
}

/**
 * A provider whose accounts are these: claims by the name that somebody signs in with. `file` is what Rollcall needs to
 * know of it; it answers after `isFor` was told where Rollcall is. One that `isLate` hears of a code once it is too late.
 */
export async function startProvider(t, accounts, settings = {}, isLate = false) {
  /** Why it has given no token. */
  const refusals = [];
  let handler = null;
  let rollcall = "";
  const sockets = new Set();
  const server = createServer((request, response) => {
    if (handler && isLate && request.url === "/token") setTimeout(() => handler(request, response), LATE_MS);
    else if (handler) handler(request, response);
    else response.writeHead(503).end();
  });
  server.on("connection", (socket) => sockets.add(socket.once("close", () => sockets.delete(socket))));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address();
  const issuer = `http://127.0.0.1:${port}`;
  async function close() {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  }
  t.after(close);

  async function make(kid) {
    const provider = new Provider(issuer, {
      clients: [
        {
          ...CLIENT,
          redirect_uris: [`${rollcall}/v1/session/oidc/callback`],
          post_logout_redirect_uris: [`${rollcall}/`],
          backchannel_logout_uri: `${rollcall}/v1/session/oidc/backchannel`,
          backchannel_logout_session_required: true,
        },
      ],
      jwks: await newKeys(kid),
      scopes: ["openid", "email", "profile", "groups"],
      // As it is by default: the ID token has none of these, they are at userinfo.
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
      cookies: { keys: ["key-of-the-tests"] },
      features: { backchannelLogout: { enabled: true } },
      // It tells of a sign-out whoever is not on its own machine, unless it is let.
      fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
      ttl: { AccessToken: SECOND_S, AuthorizationCode: isLate ? 1 : SECOND_S, Grant: SECOND_S, IdToken: SECOND_S, Interaction: SECOND_S, Session: SECOND_S },
    });
    provider.on("grant.error", (_, error) => refusals.push(error.error_detail));
    handler = provider.callback();
  }
  return {
    issuer,
    refusals,
    file: { issuer, clientId: CLIENT.client_id, clientSecret: CLIENT.client_secret, name: "Acme", ...settings },
    async isFor(url) {
      rollcall = url;
      await make("first");
    },
    /** Other keys than before; who was signed in there is not any more. */
    rotate: () => make("second"),
    close,
  };
}

/** Signs in on the provider's pages, which the browser is on. */
export async function signInThere(page, name) {
  await page.locator("input[name=login]").fill(name);
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  // The application may know what it asks for.
  await page.getByRole("button", { name: "Continue" }).click();
}
