#!/usr/bin/env bash
# Put a gateway in front of OpenAI and two popular clients stop asking for the usage of streams.
#
# langchain-openai 1.7.4, openai-agents 0.24.0, pydantic-ai-slim 2.68.0, openai 3.57.0 (PyPI).
#
# Chat Completions tells the usage of a stream only to who sends `stream_options: {"include_usage": true}`. All three
# clients send it to api.openai.com. Given any other base URL, LangChain and the Agents SDK leave it out (Pydantic AI
# does not), so the day a company routes its calls through a gateway of its own, its streams lose their usage:
# LangChain's usage_metadata becomes None, the Agents SDK says 0 tokens for 1 request, which looks like a free call.
# LangChain leaves it out for api.openai.com as well when it is handed an HTTP client (for a proxy, a certificate).
# The server here speaks the protocol to the letter: asked for usage, it sends 700 and 30 tokens.
#
# Seen:
#   langchain, no base URL or client           asks for usage: True
#   langchain, HTTP client of one's own        asks for usage: None
#   langchain, gateway                         sent None                     usage None
#   langchain, gateway, stream_usage=True      sent {'include_usage': True}  usage 700 30
#   agents, gateway                            sent None                     usage 0 0 of 1 request
#   agents, gateway, include_usage=True        sent {'include_usage': True}  usage 700 30 of 1 request
#   pydantic-ai, gateway                       sent {'include_usage': True}  usage 700 30
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages langchain-openai==1.7.4 openai-agents==0.24.0 'pydantic-ai-slim[openai]==2.68.0' openai==3.57.0

cat >see.py <<'PYTHON'
import asyncio, http.server, json, os, threading

asked = []

class Gateway(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked.append(request.get("stream_options"))
        chunks = [
            {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hello"}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        ]
        if asked[-1] == {"include_usage": True}:
            usage = {"prompt_tokens": 700, "completion_tokens": 30, "total_tokens": 730}
            chunks.append({"choices": [], "usage": usage})
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1790000000, "model": "gpt-5-mini"}
        events = [json.dumps(head | chunk) for chunk in chunks] + ["[DONE]"]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write("".join(f"data: {event}\n\n" for event in events).encode())

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
threading.Thread(target=server.serve_forever, daemon=True).start()
gateway = f"http://127.0.0.1:{server.server_port}/v1"
os.environ |= {"OPENAI_API_KEY": "none", "OPENAI_AGENTS_DISABLE_TRACING": "1"}

def say(what, sent, usage=""):
    print(f"{what:42} {sent:30}{usage}".rstrip())

import httpx
from langchain_openai import ChatOpenAI

model = "gpt-5-mini"
say("langchain, no base URL or client", f"asks for usage: {ChatOpenAI(model=model).stream_usage}")
own = ChatOpenAI(model=model, http_client=httpx.Client())
say("langchain, HTTP client of one's own", f"asks for usage: {own.stream_usage}")
for what, setting in [("langchain, gateway", {}), ("langchain, gateway, stream_usage=True", {"stream_usage": True})]:
    answer = None
    for chunk in ChatOpenAI(model=model, base_url=gateway, **setting).stream("Hello"):
        answer = chunk if answer is None else answer + chunk
    usage = answer.usage_metadata
    say(what, f"sent {asked[-1]}", f"usage {usage and '{input_tokens} {output_tokens}'.format(**usage)}")

from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, Runner
from openai import AsyncOpenAI

async def agents(what, setting):
    chat = OpenAIChatCompletionsModel(model, AsyncOpenAI(base_url=gateway))
    run = Runner.run_streamed(Agent(name="a", model=chat, model_settings=setting), "Hello")
    async for _ in run.stream_events():
        pass
    usage = run.context_wrapper.usage
    text = f"usage {usage.input_tokens} {usage.output_tokens} of {usage.requests} request"
    say(what, f"sent {asked[-1]}", text)

asyncio.run(agents("agents, gateway", ModelSettings()))
asyncio.run(agents("agents, gateway, include_usage=True", ModelSettings(include_usage=True)))

from pydantic_ai import Agent as PydanticAgent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

async def pydantic_ai():
    agent = PydanticAgent(OpenAIChatModel(model, provider=OpenAIProvider(base_url=gateway)))
    async with agent.run_stream("Hello") as run:
        await run.get_output()
    usage = run.usage
    say("pydantic-ai, gateway", f"sent {asked[-1]}", f"usage {usage.input_tokens} {usage.output_tokens}")

asyncio.run(pydantic_ai())
PYTHON

still_prints python see.py
