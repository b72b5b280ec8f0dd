// The program that is tested, and where a server of it listens.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const PROGRAM =
  process.env.ROLLCALL ?? fileURLToPath(new URL("../../target/release/rollcall", import.meta.url));

/** The server writes where it listens once it does. */
export async function address(server, file) {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    assert.equal(server.exitCode, null, "the server has ended");
    const text = await readFile(file, "utf8").catch(() => "");
    if (text.trim()) return new URL(text.trim()).origin;
    await setTimeout(50);
  }
  throw new Error("the server did not say where it listens");
}
