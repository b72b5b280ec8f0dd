// Programs with an SDK each: `sdks.mjs NAME` asks one agent with a tool, and the providers there are. What sets up the
// telemetry stands beside it as telemetry.mjs, just as docs/feeds.md shows it.
import * as setup from "./telemetry.mjs";

const provider = process.env.PROVIDER_URL;
const works = process.env.SITUATION === "work";
const apiKey = "sk-provider";
const plan = (call, figures) => JSON.stringify({ call, ...figures });

/** The Vercel AI SDK, whose versions 5 to 7 are called alike. */
async function vercel() {
  const { createAnthropic } = await import("@ai-sdk/anthropic");
  const { createGoogleGenerativeAI } = await import("@ai-sdk/google");
  const { createOpenAI } = await import("@ai-sdk/openai");
  const { embed, generateText, stepCountIs, streamText, tool } = await import("ai");
  const { z } = await import("zod");
  const openai = createOpenAI({ baseURL: `${provider}/v1`, apiKey });
  const each = { maxRetries: 0, experimental_telemetry: setup.telemetry };
  const look = tool({ description: "Looks", inputSchema: z.object({}), execute: async () => "seen" });
  const agent = { model: openai.responses("gpt-5-mini"), tools: { look }, stopWhen: stepCountIs(3) };
  await generateText({ ...each, ...agent, prompt: "Look" });
  const streamed = plan("streams", { input: 1100, cached: 512, output: 70, reasoning: 30 });
  await streamText({ ...each, model: openai.chat("gpt-4o-mini"), prompt: streamed }).consumeStream();
  const anthropic = createAnthropic({ baseURL: `${provider}/v1`, apiKey });
  const messages = plan("messages", { input: 2000, cached: 1500, output: 60 });
  await generateText({ ...each, model: anthropic("claude-sonnet-4-5-20250929"), prompt: messages });
  const google = createGoogleGenerativeAI({ baseURL: `${provider}/v1beta`, apiKey });
  const generated = plan("generates", { input: 900, cached: 300, output: 80, reasoning: 20 });
  await generateText({ ...each, model: google("gemini-2.5-flash"), prompt: generated });
  const embedded = plan("embeds", { input: 44 });
  await embed({ ...each, model: openai.textEmbeddingModel("text-embedding-3-small"), value: embedded });
}

async function openaiAgents() {
  const { Agent, OpenAIProvider, Runner, tool } = await import("@openai/agents");
  const { z } = await import("zod");
  const modelProvider = new OpenAIProvider({ apiKey, baseURL: `${provider}/v1`, useResponses: true });
  const look = tool({ name: "look", description: "Looks", parameters: z.object({}), execute: async () => "seen" });
  const agent = new Agent({ name: "agent", model: "gpt-5-mini", tools: [look] });
  await new Runner({ modelProvider }).run(agent, "Look");
}

async function langchain() {
  const { ChatOpenAI } = await import("@langchain/openai");
  const { createAgent, tool } = await import("langchain");
  const { z } = await import("zod");
  const configuration = { baseURL: `${provider}/v1` };
  const model = new ChatOpenAI({ model: "gpt-5-mini", apiKey, configuration, maxRetries: 0 });
  const look = tool(async () => "seen", { name: "look", description: "Looks", schema: z.object({}) });
  await createAgent({ model, tools: [look] }).invoke({ messages: [{ role: "user", content: "Look" }] });
}

const programs = { vercel, openaiAgents, langchain };

let failure = null;
try {
  await programs[process.argv[2]]();
} catch (error) {
  failure = error;
}
await setup.tracing.forceFlush();
await setup.tracing.shutdown();
if ((failure === null) !== works) throw failure ?? new Error("nothing was refused");
