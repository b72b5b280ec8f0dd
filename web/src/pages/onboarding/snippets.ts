export const senders = ["curl", "litellm", "otlp"] as const;
export type Sender = (typeof senders)[number];

/** What a sender needs to know: the server's address and an ingest token, or what stands for one. */
type Snippet = (origin: string, token: string) => string;

/** As README.md has it. */
const curl: Snippet = (origin, token) => `curl ${origin}/v1/events \\
  -H "Authorization: Bearer ${token}" -H 'Content-Type: application/json' \\
  -d '{"id": "call-1", "timestamp": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'",
       "projectId": "search", "apiKeyId": "key-1",
       "usedModel": "gpt-4o-mini", "usedProvider": "openai",
       "promptTokens": 1200, "completionTokens": 80, "cost": "0.000228"}'`;

/** As docs/feeds.md has it, and so the next one. */
const litellm: Snippet = (origin, token) => `litellm_settings:
  callbacks: ["rollcall"]
  turn_off_message_logging: true        # prompts and answers stay at home

callback_settings:
  rollcall:
    callback_type: generic_api
    endpoint: ${origin}/v1/ingest/litellm
    headers:
      Authorization: "Bearer ${token}"
    max_retries: 5                      # without it a post that fails is lost
    retry_delay: 1`;

const otlp: Snippet = (origin, token) => `OTEL_EXPORTER_OTLP_ENDPOINT=${origin}/v1/otlp
OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20${token}"
OTEL_EXPORTER_OTLP_COMPRESSION=gzip
OTEL_SERVICE_NAME=search
OTEL_RESOURCE_ATTRIBUTES=team.id=discovery`;

const snippets: Record<Sender, Snippet> = { curl, litellm, otlp };

export function snippetFor(sender: Sender, origin: string, token: string | null): string {
  return snippets[sender](origin, token ?? (sender === "curl" ? "$INGEST" : "rc_ingest_…"));
}
