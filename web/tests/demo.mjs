// The sample organization, on a server of this process's own: test files run side by side and disturb no other. It
// serves a copy of the store that ROLLCALL_SAMPLE names (see sample.mjs); without one it makes its own.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { copyFile, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { address, PROGRAM } from "./program.mjs";

export const [LINK, DEVELOPER_LINK, OPERATOR_LINK] = await (process.env.ROLLCALL_SAMPLE
  ? served(process.env.ROLLCALL_SAMPLE)
  : made());

async function served(sample) {
  const folder = await mkdtemp(join(tmpdir(), "rollcall-sample-"));
  await copyFile(join(sample, "rollcall.redb"), join(folder, "rollcall.redb"));
  const server = started(["serve", "--data-dir", folder, "--listen", "127.0.0.1:0"], "ignore");
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const url = await address(server, join(folder, "server.url"));
  server.unref();
  return (await readFile(join(sample, "links"), "utf8")).split("\n").map((hash) => `${url}/${hash}`);
}

async function made() {
  const demo = started(["demo", "--listen", "127.0.0.1:0"], "pipe");
  let said = "";
  let links = [];
  for await (const part of demo.stdout.iterator({ destroyOnReturn: false })) {
    said += part;
    links = said.match(/http:\S+#token=\S+/g) ?? [];
    if (links.length === 3) break;
  }
  assert.equal(links.length, 3, `“rollcall demo” printed no three sign-in links: ${said}`);
  demo.stdout.destroy();
  demo.unref();
  return links;
}

/** Ends with this process, and does not keep it from ending. */
function started(command, stdout) {
  const server = spawn(PROGRAM, command, { stdio: ["ignore", stdout, "ignore"] });
  process.on("exit", () => server.kill());
  return server;
}
