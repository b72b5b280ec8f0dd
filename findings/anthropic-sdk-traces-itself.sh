#!/usr/bin/env bash
# Anthropic's SDK traces its own calls: with an instrumentation beside it, each call is told twice, in two traces.
#
# anthropic 2.12.0, opentelemetry-instrumentation-anthropic 0.62.4, opentelemetry-sdk 1.45.2 (PyPI).
#
# Nobody asked for it: as soon as the process has a tracer provider, the SDK makes a span for each call, with its usage
# (scope com.anthropic.sdk.python). Who then installs the instrumentation that used to be needed gets a second span with
# the same usage. They are no parent and child, by which a reader would know them: each is the root of its own trace.
# What is written to the prompt cache has another name in each (cache_write, cache_creation). Only the answer's id says
# that they are one call, and a call that fails has no answer: its two spans share nothing, not even the error's name.
# The server here answers one call with 500 + 1000 read from + 300 written to the cache, and refuses another with a 400.
#
# Seen:
#   without an instrumentation
#     com.anthropic.sdk.python                trace 1 id msg_1 input 1800 cache_read 1000 cache_write 300 output 40
#     com.anthropic.sdk.python                trace 2 id none  error invalid_request_error
#   with an instrumentation
#     com.anthropic.sdk.python                trace 1 id msg_1 input 1800 cache_read 1000 cache_write 300 output 40
#     opentelemetry.instrumentation.anthropic trace 2 id msg_1 input 1800 cache_read 1000 cache_creation 300 output 40
#     com.anthropic.sdk.python                trace 3 id none  error invalid_request_error
#     opentelemetry.instrumentation.anthropic trace 4 id none  error BadRequestError
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages anthropic==2.12.0 opentelemetry-instrumentation-anthropic==0.62.4 opentelemetry-sdk==1.45.2

cat >see.py <<'PYTHON'
import http.server, json, threading, warnings

warnings.simplefilter("ignore")
MODEL = "claude-sonnet-4-5"
ANSWER = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "Hello"}],
    "usage": {
        "input_tokens": 500, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 300, "output_tokens": 40,
    },
}
REFUSAL = {"type": "error", "error": {"type": "invalid_request_error", "message": "no such model"}}

class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status, answer = (400, REFUSAL) if request["model"] != MODEL else (200, ANSWER)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)

import anthropic
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor

def call_twice(what):
    print(what)
    client = anthropic.Anthropic(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}")
    for model in [MODEL, "no-such-model"]:
        try:
            client.messages.create(model=model, max_tokens=99, messages=[{"role": "user", "content": "Hi"}])
        except anthropic.BadRequestError:
            pass
    numbers = {}
    answered_first = lambda span: ("error.type" in span.attributes, span.instrumentation_scope.name)
    for span in sorted(spans.get_finished_spans(), key=answered_first):
        said = span.attributes
        number = numbers.setdefault(span.context.trace_id, len(numbers) + 1)
        line = f"  {span.instrumentation_scope.name:39} trace {number} id {said.get('gen_ai.response.id', 'none'):5}"
        for name in ["input", "cache_read.input", "cache_write.input", "cache_creation.input", "output"]:
            if (tokens := said.get(f"gen_ai.usage.{name}_tokens")) is not None:
                line += f" {name.removesuffix('.input')} {tokens}"
        print(line + (f" error {said['error.type']}" if "error.type" in said else ""))
    spans.clear()

call_twice("without an instrumentation")
AnthropicInstrumentor().instrument(tracer_provider=provider)
call_twice("with an instrumentation")
PYTHON

still_prints python see.py
