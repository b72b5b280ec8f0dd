#!/usr/bin/env bash
# Portkey's gateway answers a call to Claude in OpenAI's form with more cached tokens than the prompt that holds them.
#
# @portkey-ai/gateway 1.15.2 (npm), openai 3.57.0, langchain-openai 1.7.4, pydantic-ai-slim 2.68.0, litellm 1.106.2
# (PyPI).
#
# In OpenAI's form cached_tokens are a part of prompt_tokens, in Anthropic's input_tokens are what was neither read from
# nor written to the cache. The gateway puts Anthropic's number in OpenAI's place: prompt_tokens is without the cache,
# cached_tokens is larger than it, and only total_tokens has all of them. Clients pass that on as it is. Priced by
# OpenAI's rule, (prompt - cached) at the full price, new input comes out below nothing; who takes the prompt for all of
# the input sees 500 of 1800 tokens. LiteLLM, which converts too, makes 1800 of the same answer, so usage jumps on the
# day that one gateway takes the other's place, with nothing in the answer to tell by.
# The server here answers as Anthropic: 500 tokens new, 1000 read from the cache, 300 written to it, 40 out.
#
# Seen:
#   openai through LiteLLM's conversion  prompt 1800 cached 1000 completion 40 total 1840
#   openai through the gateway           prompt 500 cached 1000 completion 40 total 1840
#   langchain through the gateway        input 500 cached 1000 output 40 total 1840
#   pydantic-ai through the gateway      input 500 cached 1000 output 40
#   prompt less cached                   -500
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
node_packages @portkey-ai/gateway@1.15.2
python_packages openai==3.57.0 langchain-openai==1.7.4 'pydantic-ai-slim[openai]==2.68.0'
python -m venv apart && apart/bin/pip install --quiet litellm==1.106.2 # it wants another version of openai

cat >provider.py <<'PYTHON'
import http.server, json, threading

class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        answer = json.dumps({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6",
            "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn", "stop_sequence": None,
            "usage": {
                "input_tokens": 500, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 300,
                "output_tokens": 40,
            },
        }).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
anthropic = f"http://127.0.0.1:{server.server_port}"
MODEL = "claude-sonnet-4-6"
QUESTION = [{"role": "user", "content": "Hello"}]

def openai_form(who, usage):
    cached = usage.prompt_tokens_details.cached_tokens
    counts = f"prompt {usage.prompt_tokens} cached {cached} completion {usage.completion_tokens}"
    print(f"{who:35}  {counts} total {usage.total_tokens}")
PYTHON

cat >litellm_converts.py <<'PYTHON'
from provider import MODEL, QUESTION, anthropic, openai_form
import litellm

answer = litellm.completion(f"anthropic/{MODEL}", messages=QUESTION, api_base=anthropic, api_key="none")
openai_form("openai through LiteLLM's conversion", answer.usage)
PYTHON

cat >see.py <<'PYTHON'
import asyncio, socket, subprocess, time
from provider import MODEL, QUESTION, anthropic, openai_form
import openai
from langchain_openai import ChatOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
command = ["node", "node_modules/@portkey-ai/gateway/build/start-server.js", f"--port={port}", "--headless"]
gateway = subprocess.Popen(command, stdout=subprocess.DEVNULL)
for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except ConnectionRefusedError:
        time.sleep(0.1)

through = {
    "base_url": f"http://127.0.0.1:{port}/v1", "api_key": "none",
    "default_headers": {"x-portkey-provider": "anthropic", "x-portkey-custom-host": f"{anthropic}/v1"},
}
try:
    answer = openai.OpenAI(**through).chat.completions.create(model=MODEL, max_tokens=100, messages=QUESTION)
    openai_form("openai through the gateway", answer.usage)
    usage = ChatOpenAI(model=MODEL, max_tokens=100, **through).invoke("Hello").usage_metadata
    cached = usage["input_token_details"]["cache_read"]
    counts = f"input {usage['input_tokens']} cached {cached} output {usage['output_tokens']}"
    print(f"{'langchain through the gateway':35}  {counts} total {usage['total_tokens']}")
    model = OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=openai.AsyncOpenAI(**through)))
    usage = asyncio.run(Agent(model).run("Hello")).usage
    counts = f"input {usage.input_tokens} cached {usage.cache_read_tokens} output {usage.output_tokens}"
    print(f"{'pydantic-ai through the gateway':35}  {counts}")
    print(f"{'prompt less cached':35}  {answer.usage.prompt_tokens - cached}")
finally:
    gateway.terminate()
PYTHON

both() {
    LITELLM_LOCAL_MODEL_COST_MAP=True apart/bin/python litellm_converts.py
    python see.py
}
still_prints both
