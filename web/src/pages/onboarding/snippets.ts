import claudeCode from "../../../../data/clients/claude-code.json?raw";
import codex from "../../../../data/clients/codex.toml?raw";
import copilot from "../../../../data/clients/copilot.env?raw";
import geminiHeaders from "../../../../data/clients/gemini-cli.env?raw";
import gemini from "../../../../data/clients/gemini-cli.json?raw";
import googleAdk from "../../../../data/clients/google-adk.py?raw";
import langchainJs from "../../../../data/clients/langchain.mjs?raw";
import langchain from "../../../../data/clients/langchain.py?raw";
import langsmith from "../../../../data/clients/langsmith.env?raw";
import litellm from "../../../../data/clients/litellm.yaml?raw";
import openaiAgentsJs from "../../../../data/clients/openai-agents.mjs?raw";
import openaiAgents from "../../../../data/clients/openai-agents.py?raw";
import opencodeVariables from "../../../../data/clients/opencode.env?raw";
import opencode from "../../../../data/clients/opencode.json?raw";
import opentelemetry from "../../../../data/clients/opentelemetry.env?raw";
import pydanticAi from "../../../../data/clients/pydantic-ai.py?raw";
import qwenHeaders from "../../../../data/clients/qwen-code.env?raw";
import qwen from "../../../../data/clients/qwen-code.json?raw";
import strands from "../../../../data/clients/strands.py?raw";
import vercel6 from "../../../../data/clients/vercel-ai-sdk-6.mjs?raw";
import vercel7 from "../../../../data/clients/vercel-ai-sdk-7.mjs?raw";

/** What stands in the settings for a server and for a token of it. */
const SERVER = "http://rollcall.internal:8787";
const TOKEN = "rc_ingest_…";

/** One of the texts that set a sender up. */
export interface Part {
  /** A file, or a kind of place that each language has its own words for. */
  where: string | { place: "terminal" | "shell" | "python" | "javascript"; of?: string };
  code: string;
}

interface Setup {
  name: string;
  /** What was run with these settings by `make test-clients`, first what the version counts of. */
  tried?: string[];
  parts: Part[];
  /** What `rollcall doctor --client` calls it. */
  doctor?: boolean;
}

const shell = (code: string): Part => ({ where: { place: "shell" }, code });
const python = (code: string): Part => ({ where: { place: "python" }, code });
const javascript = (code: string, of?: string): Part => ({
  where: of === undefined ? { place: "javascript" } : { place: "javascript", of },
  code,
});
const exporter = shell(opentelemetry);

/** As README.md has it. */
const curl = `curl ${SERVER}/v1/events \\
  -H "Authorization: Bearer ${TOKEN}" -H 'Content-Type: application/json' \\
  -d '{"id": "call-1", "timestamp": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'",
       "projectId": "search", "apiKeyId": "key-1",
       "usedModel": "gpt-4o-mini", "usedProvider": "openai",
       "promptTokens": 1200, "completionTokens": 80, "cost": "0.000228"}'`;

const setups = {
  curl: { name: "curl", parts: [{ where: { place: "terminal" }, code: curl }] },
  litellm: { name: "LiteLLM", parts: [{ where: "config.yaml", code: litellm }] },
  codex: {
    name: "Codex CLI",
    tried: ["@openai/codex@0.171.0"],
    parts: [{ where: "~/.codex/config.toml", code: codex }],
    doctor: true,
  },
  "claude-code": {
    name: "Claude Code",
    tried: ["@anthropic-ai/claude-code@2.1.332"],
    parts: [{ where: "~/.claude/settings.json", code: claudeCode }],
    doctor: true,
  },
  "gemini-cli": {
    name: "Gemini CLI",
    tried: ["@google/gemini-cli@0.61.0"],
    parts: [
      { where: "~/.gemini/settings.json", code: gemini },
      { where: "~/.gemini/.env", code: geminiHeaders },
    ],
    doctor: true,
  },
  "qwen-code": {
    name: "Qwen Code",
    tried: ["@qwen-code/qwen-code@0.24.4"],
    parts: [
      { where: "~/.qwen/settings.json", code: qwen },
      { where: "~/.qwen/.env", code: qwenHeaders },
    ],
    doctor: true,
  },
  opencode: {
    name: "opencode",
    tried: ["opencode-ai@1.18.33"],
    parts: [{ where: "~/.config/opencode/opencode.json", code: opencode }, shell(opencodeVariables)],
    doctor: true,
  },
  copilot: { name: "Copilot CLI", tried: ["@github/copilot@1.0.102"], parts: [shell(copilot)], doctor: true },
  otlp: { name: "OpenTelemetry", parts: [exporter] },
  "vercel-ai-sdk": {
    name: "Vercel AI SDK",
    tried: ["ai@7.0.173", "ai@6.0.326", "ai@5.0.277"],
    parts: [javascript(vercel7, "AI SDK 7"), javascript(vercel6, "AI SDK 5, 6"), exporter],
  },
  "openai-agents": {
    name: "OpenAI Agents",
    tried: ["openai-agents==0.24.0", "@openai/agents@0.20.0"],
    parts: [python(openaiAgents), javascript(openaiAgentsJs), exporter],
  },
  langchain: {
    name: "LangChain",
    tried: ["langchain==1.5.2", "langchain@1.5.14"],
    parts: [python(langchain), javascript(langchainJs), exporter],
  },
  langsmith: { name: "LangSmith", tried: ["langsmith[otel]==0.15.1"], parts: [shell(langsmith)] },
  "pydantic-ai": {
    name: "Pydantic AI",
    tried: ["pydantic-ai-slim[openai]==2.68.0"],
    parts: [python(pydanticAi), exporter],
  },
  "google-adk": { name: "Google ADK", tried: ["google-adk==2.13.0"], parts: [python(googleAdk), exporter] },
  strands: { name: "Strands", tried: ["strands-agents[openai]==1.62.0"], parts: [python(strands), exporter] },
} satisfies Record<string, Setup>;

export type Sender = keyof typeof setups;

export const senderGroups: { group: "gateways" | "agents" | "sdks"; senders: readonly Sender[] }[] = [
  { group: "gateways", senders: ["curl", "litellm"] },
  { group: "agents", senders: ["codex", "claude-code", "gemini-cli", "qwen-code", "opencode", "copilot"] },
  {
    group: "sdks",
    senders: [
      "otlp",
      "vercel-ai-sdk",
      "openai-agents",
      "langchain",
      "langsmith",
      "pydantic-ai",
      "google-adk",
      "strands",
    ],
  },
];

/** How a sender is set up for a server, with a token or what stands for one. */
export function setupFor(sender: Sender, origin: string, token: string | null): Setup {
  const setup: Setup = setups[sender];
  const standsFor = sender === "curl" ? "$INGEST" : TOKEN;
  const fill = (code: string) => code.trimEnd().replaceAll(SERVER, origin).replaceAll(TOKEN, token ?? standsFor);
  return { ...setup, parts: setup.parts.map((part) => ({ ...part, code: fill(part.code) })) };
}
