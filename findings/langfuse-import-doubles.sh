#!/usr/bin/env bash
# Importing Langfuse's OpenAI client makes each call that LangChain makes two generations, counted by different rules.
#
# langfuse 5.0.4, langchain-openai 1.7.4, langchain 1.5.2, openai 3.57.0 (PyPI).
#
# `from langfuse.openai import OpenAI` reads like a client to use in place of another. It changes the methods of the
# openai package itself, so that every call of the process is traced, also of libraries that never see that client.
# Where LangChain is traced by Langfuse's callback, one call becomes two observations of type `generation` as soon as
# some module has that import, even unused: both with the model and the usage, so a sum over generations has it twice.
# And the two don't agree: the client's usage has cached tokens within the prompt's and reasoning within the
# completion's, the callback's takes both out and keeps the total beside its parts.
# The server here answers: 1000 prompt tokens, 600 of them cached, 100 completion tokens, 40 of them reasoning.
#
# Seen:
#   LangChain with the callback
#     ChatOpenAI, generation, gpt-5-mini
#       input 400
#       output 60
#       total 1100
#       input_cache_read 600
#       output_reasoning 40
#   the same after `from langfuse.openai import OpenAI`
#     ChatOpenAI, generation, gpt-5-mini
#       input 400
#       output 60
#       total 1100
#       input_cache_read 600
#       output_reasoning 40
#     OpenAI-generation, generation, gpt-5-mini
#       completion_tokens 100
#       prompt_tokens 1000
#       total_tokens 1100
#       completion_tokens_details {'reasoning_tokens': 40}
#       prompt_tokens_details {'cached_tokens': 600}
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages langfuse==5.0.4 langchain-openai==1.7.4 langchain==1.5.2 openai==3.57.0

cat >see.py <<'PYTHON'
import http.server, json, os, threading

ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1790000000, "model": "gpt-5-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
        "prompt_tokens_details": {"cached_tokens": 600}, "completion_tokens_details": {"reasoning_tokens": 40},
    },
}

class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(ANSWER).encode())

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"

from langchain_openai import ChatOpenAI
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
Langfuse(public_key="pk-none", secret_key="sk-none", host=address, tracer_provider=provider)

def call(what):
    print(what)
    spans.clear()
    model = ChatOpenAI(model="gpt-5-mini", api_key="none", base_url=f"{address}/v1")
    model.invoke("Hi", config={"callbacks": [CallbackHandler()]})
    for span in sorted(spans.get_finished_spans(), key=lambda span: span.start_time):
        said = {name.removeprefix("langfuse.observation."): value for name, value in span.attributes.items()}
        print(f"  {span.name}, {said['type']}, {said['model.name']}")
        for name, value in json.loads(said["usage_details"]).items():
            print(f"    {name} {value}")

call("LangChain with the callback")
from langfuse.openai import OpenAI
call("the same after `from langfuse.openai import OpenAI`")
os._exit(0)  # without waiting for Langfuse's own export
PYTHON

still_prints python -u see.py
