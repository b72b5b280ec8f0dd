// The sample organization, on a server of this process's own: test files run side by side and disturb no other.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { PROGRAM } from "./server.mjs";

const demo = spawn(PROGRAM, ["demo", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "ignore"] });
process.on("exit", () => demo.kill());

let said = "";
let links = [];
for await (const part of demo.stdout.iterator({ destroyOnReturn: false })) {
  said += part;
  links = said.match(/http:\S+#token=\S+/g) ?? [];
  if (links.length === 3) break;
}
assert.equal(links.length, 3, `“rollcall demo” printed no three sign-in links: ${said}`);
// It must not keep this process from ending.
demo.stdout.destroy();
demo.unref();

export const [LINK, DEVELOPER_LINK, OPERATOR_LINK] = links;
