#!/usr/bin/env bash
# A stream that the user stops has no usage in Vercel's AI SDK, in 5 and 6 not even a span, though its input was told.
#
# ai 5.0.277 with @ai-sdk/anthropic 2.0.112, ai 6.0.326 with @ai-sdk/anthropic 3.0.140, ai 7.0.173 with
# @ai-sdk/anthropic 4.0.105 and @ai-sdk/otel 1.0.173 (npm).
#
# Claude tells the input tokens in a stream's first event, and bills them whoever reads on; the SDK has them by the time
# the first word is out. When its abortSignal is used, as by a stop button, onFinish isn't called, onAbort is handed an
# empty list of steps and the promise `usage` is rejected. Version 7 ends all spans, without usage and without an error;
# 5 and 6 end only the outer one, that of the call, which is to have the usage, never. A loop left by `break` instead is
# read to its end behind the scenes by 5 and 7, so the call's span has the usage; by 6 it isn't, and there is no span.
# The server here answers: 2700 tokens in, a word, and a fifth of a second later the rest, 500 tokens out.
#
# Seen:
#   ai 5.0.277
#     read to its end: onFinish with 2700 in
#       span ai.streamText.doStream: 2700
#       span ai.streamText: 2700
#     stopped by abortSignal: onAbort with 0 steps, usage rejected
#       span ai.streamText: no usage
#     left by break: nothing called
#       span ai.streamText.doStream: 2700
#   ai 6.0.326
#     read to its end: onFinish with 2700 in
#       span ai.streamText.doStream: 2700
#       span ai.streamText: 2700
#     stopped by abortSignal: onAbort with 0 steps, usage rejected
#       span ai.streamText: no usage
#     left by break: nothing called
#   ai 7.0.173
#     read to its end: onFinish with 2700 in
#       span chat claude-sonnet-4-6: 2700
#       span step 1: no usage
#       span invoke_agent claude-sonnet-4-6: 2700
#     stopped by abortSignal: onAbort with 0 steps, usage rejected
#       span chat claude-sonnet-4-6: no usage
#       span step 1: no usage
#       span invoke_agent claude-sonnet-4-6: no usage
#     left by break: nothing called
#       span chat claude-sonnet-4-6: 2700
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

cat >see.mjs <<'JAVASCRIPT'
import http from "node:http";
import { createRequire } from "node:module";
import { createAnthropic } from "@ai-sdk/anthropic";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import * as ai from "ai";

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const usage = { input_tokens: 2700, cache_read_input_tokens: 0, cache_creation_input_tokens: 0, output_tokens: 1 };
const head = { id: "msg_1", type: "message", role: "assistant", model: "claude-sonnet-4-6", content: [] };
const first = [
  { type: "message_start", message: { ...head, stop_reason: null, stop_sequence: null, usage } },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Once" } },
];
const rest = [
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: " upon a time" } },
  { type: "content_block_stop", index: 0 },
  { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 500 } },
  { type: "message_stop" },
];
const server = http.createServer((request, response) => {
  request.resume().on("end", async () => {
    const send = (events) => events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
    response.setHeader("content-type", "text/event-stream");
    response.write(send(first));
    await wait(200);
    response.end(send(rest));
  });
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const spans = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).register();
const version = createRequire(import.meta.url)("ai/package.json").version;
if (version.startsWith("7")) ai.registerTelemetry(new (await import("@ai-sdk/otel")).OpenTelemetry());
const anthropic = createAnthropic({ apiKey: "none", baseURL: `http://127.0.0.1:${server.address().port}` });

console.log(`ai ${version}`);
for (const how of ["read to its end", "stopped by abortSignal", "left by break"]) {
  const told = [];
  const stop = new AbortController();
  const answer = ai.streamText({
    model: anthropic("claude-sonnet-4-6"),
    prompt: "Tell me a story",
    abortSignal: stop.signal,
    experimental_telemetry: { isEnabled: true },
    onFinish: ({ totalUsage }) => told.push(`onFinish with ${totalUsage.inputTokens} in`),
    onAbort: ({ steps }) => told.push(`onAbort with ${steps.length} steps`),
  });
  for await (const word of answer.textStream) {
    if (how === "stopped by abortSignal") stop.abort();
    if (how === "left by break") break;
  }
  await wait(1000);
  if (how === "stopped by abortSignal") await answer.usage.catch(() => told.push("usage rejected"));
  console.log(`  ${how}: ${told.join(", ") || "nothing called"}`);
  for (const { name, attributes, status } of spans.getFinishedSpans()) {
    const input = attributes["gen_ai.usage.input_tokens"] ?? attributes["ai.usage.inputTokens"] ?? "no usage";
    console.log(`    span ${name}: ${input}${status.code === 2 ? ", an error" : ""}`);
  }
  spans.reset();
}
server.close();
process.exit();
JAVASCRIPT

three_versions() {
    local packages
    for packages in "ai@5.0.277 @ai-sdk/anthropic@2.0.112" "ai@6.0.326 @ai-sdk/anthropic@3.0.140" \
        "ai@7.0.173 @ai-sdk/anthropic@4.0.105 @ai-sdk/otel@1.0.173"; do
        mkdir "${packages%% *}" && cd "${packages%% *}"
        # shellcheck disable=SC2086
        node_packages $packages @opentelemetry/sdk-trace-node@2.12.1 zod@4
        cp ../see.mjs .
        node see.mjs
        cd ..
    done
}
still_prints three_versions
