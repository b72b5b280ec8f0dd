#!/usr/bin/env bash
# From version 5 to 6 of Vercel's AI SDK the same attribute of the same span of the same call changes its meaning.
#
# ai 5.0.277 with @ai-sdk/anthropic 2.0.112, ai 6.0.325 with @ai-sdk/anthropic 3.0.140 (npm).
#
# `gen_ai.usage.input_tokens` of `ai.generateText.doGenerate` is, for Claude, in version 5 only what was neither read
# from nor written to the prompt cache, in version 6 all of the prompt. Neither the span nor its scope has the version.
# In version 5 no number on the span says what was cached (a JSON text, ai.response.providerMetadata, does): of 1800
# tokens it shows 500. A reader that adds cached tokens counts version 6 double, one that doesn't loses most of version
# 5's input. What one can go by: only version 5 has `ai.usage.promptTokens`.
# The server here answers: 500 tokens new, 1000 read from the cache, 300 written to it, 40 out.
#
# Seen:
#   ai 5.0.277, scope "ai", version none
#     the function returns {"inputTokens":500,"outputTokens":40,"totalTokens":540,"cachedInputTokens":1000}
#     ai.usage.completionTokens 40
#     ai.usage.promptTokens 500
#     gen_ai.usage.input_tokens 500
#     gen_ai.usage.output_tokens 40
#   ai 6.0.325, scope "ai", version none
#     the function returns {"inputTokens":1800,"outputTokens":40,"totalTokens":1840,"cachedInputTokens":1000}
#     ai.usage.cachedInputTokens 1000
#     ai.usage.inputTokenDetails.cacheReadTokens 1000
#     ai.usage.inputTokenDetails.cacheWriteTokens 300
#     ai.usage.inputTokenDetails.noCacheTokens 500
#     ai.usage.inputTokens 1800
#     ai.usage.outputTokens 40
#     ai.usage.totalTokens 1840
#     gen_ai.usage.input_tokens 1800
#     gen_ai.usage.output_tokens 40
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

cat >see.mjs <<'JAVASCRIPT'
import http from "node:http";
import { createRequire } from "node:module";
import { createAnthropic } from "@ai-sdk/anthropic";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { generateText } from "ai";

const answer = {
  id: "msg_1", type: "message", role: "assistant", model: "claude-sonnet-4-5", stop_reason: "end_turn",
  stop_sequence: null, content: [{ type: "text", text: "Hello" }],
  usage: { input_tokens: 500, cache_read_input_tokens: 1000, cache_creation_input_tokens: 300, output_tokens: 40 },
};
const server = http.createServer((request, response) => {
  request.resume().on("end", () => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(answer));
  });
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const spans = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).register();
const anthropic = createAnthropic({ apiKey: "none", baseURL: `http://127.0.0.1:${server.address().port}` });
const { usage } = await generateText({
  model: anthropic("claude-sonnet-4-5"),
  prompt: "Hi",
  experimental_telemetry: { isEnabled: true },
});
server.close();

const span = spans.getFinishedSpans().find((each) => each.name === "ai.generateText.doGenerate");
const { name, version } = span.instrumentationScope;
const sdk = createRequire(import.meta.url)("ai/package.json").version;
console.log(`ai ${sdk}, scope "${name}", version ${version ?? "none"}`);
const { inputTokens, outputTokens, totalTokens, cachedInputTokens } = usage;
console.log("  the function returns", JSON.stringify({ inputTokens, outputTokens, totalTokens, cachedInputTokens }));
for (const [key, value] of Object.entries(span.attributes).sort()) {
  if (/[.]usage[.]/.test(key)) console.log(`  ${key} ${value}`);
}
JAVASCRIPT

both_versions() {
    local version
    for version in "5.0.277 2.0.112" "6.0.325 3.0.140"; do
        mkdir "ai-$version" && cd "ai-$version"
        node_packages "ai@${version% *}" "@ai-sdk/anthropic@${version#* }" @opentelemetry/sdk-trace-node@2.12.1 zod@4
        cp ../see.mjs .
        node see.mjs
        cd ..
    done
}
still_prints both_versions
