#!/usr/bin/env bash
# Three instrumentations of Google's SDK count one and the same answer of Gemini as three different usages.
#
# google-genai 2.34.0 with opentelemetry-instrumentation-google-genai 1.3b0 (OpenTelemetry's own),
# opentelemetry-instrumentation-google-generativeai 0.62.4 (OpenLLMetry) and
# openinference-instrumentation-google-genai 1.4.14 (PyPI).
#
# Gemini's usageMetadata has its parts side by side, unlike OpenAI's: thoughts (billed as output) are not in
# candidatesTokenCount, what its own tools put into the prompt (a fetched page) is not in promptTokenCount, and
# totalTokenCount is the sum of all four. OpenLLMetry passes the two main numbers on and says nothing of the thoughts:
# on a thinking model that is most of the output, the dear side, and shows only in a total larger than its parts.
# OpenTelemetry's own adds the thoughts and leaves out the tools' prompt. OpenInference adds both. The first two write
# the same attributes, gen_ai.usage.*, so which rule was followed only the name of the scope tells.
# The server here answers, whole and as a stream: prompt 1000 (600 of it cached), tools' prompt 300, candidates 100,
# thoughts 900, total 2300.
#
# Seen:
#   OpenTelemetry  whole   input 1000 output 1000 total none
#   OpenTelemetry  stream  input 1000 output 1000 total none
#   OpenLLMetry    whole   input 1000 output 100 total 2300
#   OpenLLMetry    stream  input 1000 output 100 total 2300
#   OpenInference  whole   input 1300 output 1000 total 2300
#   OpenInference  stream  input 1300 output 1000 total 2300
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages google-genai==2.34.0 opentelemetry-sdk==1.45.2 opentelemetry-instrumentation-google-genai==1.3b0 \
    opentelemetry-instrumentation-google-generativeai==0.62.4 openinference-instrumentation-google-genai==1.4.14

cat >see.py <<'PYTHON'
import http.server, json, threading

ANSWER = {
    "responseId": "r1", "modelVersion": "gemini-2.5-flash",
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}],
    "usageMetadata": {
        "promptTokenCount": 1000, "cachedContentTokenCount": 600, "toolUsePromptTokenCount": 300,
        "candidatesTokenCount": 100, "thoughtsTokenCount": 900, "totalTokenCount": 2300,
    },
}

class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        stream = ":streamGenerateContent" in self.path
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if stream else "application/json")
        self.end_headers()
        self.wfile.write((f"data: {json.dumps(ANSWER)}\n\n" if stream else json.dumps(ANSWER)).encode())

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()

from google import genai
from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor
from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor
from opentelemetry.instrumentation.google_generativeai import GoogleGenerativeAiInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

NAMES = {
    "input": ["gen_ai.usage.input_tokens", "llm.token_count.prompt"],
    "output": ["gen_ai.usage.output_tokens", "llm.token_count.completion"],
    "total": ["gen_ai.usage.total_tokens", "llm.token_count.total"],
}

for who, instrumentor in [
    ("OpenTelemetry", GoogleGenAiSdkInstrumentor()),
    ("OpenLLMetry", GoogleGenerativeAiInstrumentor()),
    ("OpenInference", GoogleGenAIInstrumentor()),
]:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    instrumentor.instrument(tracer_provider=provider)
    options = {"base_url": f"http://127.0.0.1:{server.server_port}"}
    client = genai.Client(api_key="none", http_options=options)
    client.models.generate_content(model="gemini-2.5-flash", contents="Hi")
    for _ in client.models.generate_content_stream(model="gemini-2.5-flash", contents="Hi"):
        pass
    instrumentor.uninstrument()
    for how, span in zip(["whole", "stream"], spans.get_finished_spans(), strict=True):
        line = f"{who:14} {how:7}"
        for what, names in NAMES.items():
            line += f" {what} {next((span.attributes[name] for name in names if name in span.attributes), 'none')}"
        print(line)
PYTHON

still_prints python see.py
