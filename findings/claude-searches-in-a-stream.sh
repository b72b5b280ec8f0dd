#!/usr/bin/env bash
# Of a stream OpenLLMetry does not count what Claude read on the web, and adds up the output's interim counts.
#
# opentelemetry-instrumentation-anthropic 0.62.4 (OpenLLMetry), openinference-instrumentation-anthropic 3.1.0,
# anthropic 2.14.0 (PyPI).
#
# A stream tells its usage at least twice: in message_start, before Claude has used the server's tools, and in each
# message_delta, cumulative by the documentation, so that a later one replaces what was told before. The SDK and
# OpenInference read it so. OpenLLMetry takes the input of message_start: what the search found, read as input, is
# nowhere. The outputs it adds: every stream has some tokens too many, one that tells its usage in between has those on
# top. The same call that isn't streamed is counted right, so streaming makes searches look cheap. And the SDK makes a
# span too (scope com.anthropic.sdk.python), with the other numbers under the same gen_ai.usage names.
# The server here answers: input 2700 at the start, 10700 at the end if it searched; output 3 at the start, 500 at the
# end, and in the last line 200 in between.
#
# Seen:
#   not a stream, one search
#     anthropic      input 10700 output 500
#     OpenInference  input 10700 output 500
#     OpenLLMetry    input 10700 output 500
#   a stream, no search
#     anthropic      input 2700 output 500
#     OpenInference  input 2700 output 500
#     OpenLLMetry    input 2700 output 503
#   a stream, one search
#     anthropic      input 10700 output 500
#     OpenInference  input 10700 output 500
#     OpenLLMetry    input 2700 output 503
#   a stream, one search, reported in between
#     anthropic      input 10700 output 500
#     OpenInference  input 10700 output 500
#     OpenLLMetry    input 2700 output 703
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages anthropic==2.14.0 opentelemetry-sdk==1.45.2 opentelemetry-instrumentation-anthropic==0.62.4 \
    openinference-instrumentation-anthropic==3.1.0

cat >see.py <<'PYTHON'
import http.server, json, threading, warnings

warnings.simplefilter("ignore")  # a model's end of life

def usage(input, output, searches=0):
    counts = {"input_tokens": input, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    return counts | {"output_tokens": output} | ({"server_tool_use": {"web_search_requests": 1}} if searches else {})

TEXT = {"type": "text", "text": "It rains."}
CALL = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "weather"}}
PAGE = {"type": "web_search_result", "title": "W", "url": "https://example.com/", "encrypted_content": "eA=="}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [PAGE | {"page_age": None}]}
HEAD = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6", "stop_sequence": None}
END = {"stop_reason": "end_turn", "stop_sequence": None}

def events(searches, reports):
    yield {"type": "message_start", "message": HEAD | {"content": [], "stop_reason": None, "usage": usage(2700, 3)}}
    for index, block in enumerate([CALL, FOUND, TEXT] if searches else [TEXT]):
        empty = {"text": {"text": ""}, "server_tool_use": {"input": {}}}.get(block["type"], {})
        yield {"type": "content_block_start", "index": index, "content_block": block | empty}
        if block is TEXT:
            delta = {"type": "text_delta", "text": TEXT["text"]}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        if block is CALL:
            delta = {"type": "input_json_delta", "partial_json": json.dumps(CALL["input"])}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    input = 10700 if searches else 2700
    if reports:
        delta = {"stop_reason": None, "stop_sequence": None}
        yield {"type": "message_delta", "delta": delta, "usage": usage(input, 200, searches)}
    yield {"type": "message_delta", "delta": END, "usage": usage(input, 500, searches)}
    yield {"type": "message_stop"}

class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        if asked.get("stream"):
            self.send_header("content-type", "text/event-stream")
            sent = events("tools" in asked, asked["max_tokens"] == 2000)
            body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in sent)
        else:
            self.send_header("content-type", "application/json")
            body = json.dumps(HEAD | END | {"content": [CALL, FOUND, TEXT], "usage": usage(10700, 500, 1)})
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()

import anthropic
from openinference.instrumentation.anthropic import AnthropicInstrumentor as OpenInference
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor as OpenLLMetry
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

TOOLS = {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}
COUNTS = {
    OpenInference: ("llm.token_count.prompt", "llm.token_count.completion"),
    OpenLLMetry: ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"),
}

def call(stream, tools, most):
    client = anthropic.Anthropic(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}")
    question = {"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": "Weather?"}]}
    if not stream:
        return client.messages.create(**question, max_tokens=most, **tools)
    with client.messages.stream(**question, max_tokens=most, **tools) as answer:
        return answer.get_final_message()

for what, *asked in [
    ("not a stream, one search", False, TOOLS, 1000),
    ("a stream, no search", True, {}, 1000),
    ("a stream, one search", True, TOOLS, 1000),
    ("a stream, one search, reported in between", True, TOOLS, 2000),
]:
    print(what)
    told = call(*asked).usage
    print(f"  {'anthropic':13}  input {told.input_tokens} output {told.output_tokens}")
    for instrumentor, counts in COUNTS.items():
        spans = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(spans))
        instrumentor().instrument(tracer_provider=provider)
        call(*asked)
        instrumentor().uninstrument()
        for span in spans.get_finished_spans():
            input, output = (span.attributes.get(count) for count in counts)
            name = "OpenInference" if instrumentor is OpenInference else "OpenLLMetry"
            print(f"  {name:13}  input {input} output {output}")
PYTHON

still_prints python see.py
