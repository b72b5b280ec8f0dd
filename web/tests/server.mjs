// A server of a test's own, with an empty store: for what the sample organization does not have.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closePages } from "./browser.mjs";
import { address, PROGRAM } from "./program.mjs";

const OPERATOR = "operator-token-of-the-browser-tests";

/** Gone, with everything it was told, when the test is over. `store` is another's, which has stopped, `port` as well. */
export async function serve(t, flags = [], store = null, port = 0) {
  const folder = store ?? (await mkdtemp(join(tmpdir(), "rollcall-browser-")));
  const server = spawn(PROGRAM, ["serve", "--data-dir", folder, "--listen", `127.0.0.1:${port}`, ...flags], {
    env: { ...process.env, ROLLCALL_OPERATOR_TOKEN: OPERATOR },
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  t.after(async () => {
    // What a page fetches in quiet moments would fail, and what was registered first runs first.
    await closePages(t);
    await stop();
    if (store === null) await rm(folder, { recursive: true });
  });
  async function stop() {
    server.kill("SIGTERM");
    await ended;
  }
  const url = await address(server, join(folder, "server.url"));

  async function tell(method, path, body, token = OPERATOR) {
    const response = await fetch(new URL(path, url), {
      method,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${answer}`);
    return JSON.parse(answer);
  }
  return {
    url,
    directory: (entries) => tell("PUT", "/v1/directory", entries),
    events: (events) => tell("POST", "/v1/events", events),
    get: (path) => tell("GET", path),
    put: (path, body) => tell("PUT", path, body),
    post: (path, body) => tell("POST", path, body),
    /** Ends the server and hands over its store. */
    async stop() {
      await stop();
      return folder;
    },
    operatorLink: `${url}/#token=${OPERATOR}`,
    async linkOf(userId) {
      const { token } = await tell("POST", "/v1/tokens", { kind: "user", userId, label: userId });
      return `${url}/#token=${token}`;
    },
  };
}
