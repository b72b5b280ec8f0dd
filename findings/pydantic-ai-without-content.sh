#!/usr/bin/env bash
# Telling Pydantic AI to leave prompts out of its spans also takes out why a call failed.
#
# pydantic-ai-slim 2.68.0, opentelemetry-sdk 1.45.1 (PyPI).
#
# include_content=False is the privacy switch: no prompts, no answers. It also empties the status of the span of a failed
# call and drops the message of its exception, where alone the HTTP status stands; there is no attribute for it. A 400
# that an application should mend, a 401 and a 529 of an overloaded provider then look alike, and who reports errors by
# whose doing they are has none. The class of the exception still tells some of them apart, for who keeps a list.
# The server here refuses each call with the status in the line; what is looked for is that number, in the span of the
# model's call.
#
# Seen:
#   400, include_content=True: the status is in exception.message, status.description
#   400, include_content=False: the status is in nothing; exception.type is pydantic_ai.exceptions.ModelRequestRejectedError
#   529, include_content=True: the status is in exception.message, status.description
#   529, include_content=False: the status is in nothing; exception.type is pydantic_ai.exceptions.ModelOverloadedError
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages 'pydantic-ai-slim[openai]==2.68.0' opentelemetry-sdk==1.45.1

cat >see.py <<'PYTHON'
import http.server, json, threading

import openai
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic_ai import Agent, InstrumentationSettings
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

status = 400

class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"error": {"message": "no", "type": "some_error", "code": None, "param": None}}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()

def look(content):
    spans = InMemorySpanExporter()
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    url = f"http://127.0.0.1:{server.server_port}/v1"
    client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
    model = OpenAIChatModel("gpt-5-mini", provider=OpenAIProvider(openai_client=client))
    Agent.instrument_all(InstrumentationSettings(tracer_provider=tracing, include_content=content))
    try:
        Agent(model).run_sync("Look")
    except Exception:
        pass
    [span] = [span for span in spans.get_finished_spans() if span.name.startswith("chat")]
    said = dict(span.attributes) | {"status.description": span.status.description or ""}
    for event in span.events:
        said |= event.attributes
    said.pop("exception.stacktrace", None)
    where = [name for name, value in sorted(said.items()) if str(status) in str(value)]
    kind = "" if where else f"; exception.type is {said.get('exception.type')}"
    print(f"{status}, include_content={content}: the status is in {', '.join(where) or 'nothing'}{kind}", flush=True)

for status in [400, 529]:
    for content in [True, False]:
        look(content)
PYTHON

still_prints python see.py
