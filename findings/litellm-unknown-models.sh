#!/usr/bin/env bash
# LiteLLM calls a model that it has no price for free, if its name looks like one of GPT's, Claude's or Gemini's.
#
# litellm 1.106.2 (PyPI).
#
# A model that isn't in its price list is an error, ModelNotMappedError, and the response_cost of a call None, which is
# how one tells what has yet to be priced. But the list also has patterns, by which one that it doesn't know gets the
# abilities of its family. Their notes say that they carry no prices; what makes a cost of them takes no price for 0, so
# the call has a cost, 0.0: in the answer's response_cost, from cost_per_token and completion_cost, without a warning.
# That is so on the first days of a new model (the nines here stand for one) and again after its last: a model that was
# taken off the list turns free when past usage is priced anew, while Bedrock's row of the same model has its price.
# Nothing but the name decides: grok-9 is an error, gpt-9 costs nothing.
# The server here answers, as any that speaks OpenAI's protocol: 1,000,000 tokens in, 100,000 out.
#
# Seen, in dollars:
#   the answer's response_cost
#     openai, gpt-5.4                                   7.25
#     openai, gpt-9                                     0.0
#     openai, llama-9                                   None
#   cost_per_token
#     anthropic, claude-opus-4-6                        7.5
#     anthropic, claude-opus-9                          0.0
#     openrouter, anthropic/claude-opus-9               0.0
#     gemini, gemini-9-pro                              0.0
#     xai, grok-9                                       ModelNotMappedError
#     mistral, mistral-large-9                          ModelNotMappedError
#   cost_per_token, models no longer in the list
#     anthropic, claude-sonnet-4-20250514               0.0
#     bedrock, anthropic.claude-sonnet-4-20250514-v1:0  8.25
#     anthropic, claude-opus-4-1-20250805               0.0
#     bedrock, anthropic.claude-opus-4-1-20250805-v1:0  22.5
#     gemini, gemini-3-pro-preview                      0.0
#     gemini, gemini-2.0-flash                          ModelNotMappedError
#     openai, o1-mini                                   0.0
#     openai, gpt-4.5-preview                           ModelNotMappedError
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages litellm==1.106.2
export LITELLM_LOCAL_MODEL_COST_MAP=True # the list in the package, none from the network

cat >see.py <<'PYTHON'
import http.server, json, threading
import litellm

litellm.suppress_debug_info = True

class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
        answer = {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1790000000, "model": asked["model"],
            "choices": [choice],
            "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 100_000, "total_tokens": 1_100_000},
        }
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()

def say(provider, model, cost):
    print(f"  {provider + ', ' + model:50}{cost}")

def priced(provider, *models):
    for model in models:
        try:
            cost = sum(litellm.cost_per_token(model, 1_000_000, 100_000, custom_llm_provider=provider))
        except Exception as error:
            cost = type(error).__name__
        say(provider, model, cost)

print("the answer's response_cost")
for model in ["gpt-5.4", "gpt-9", "llama-9"]:
    answer = litellm.completion(
        f"openai/{model}", messages=[{"role": "user", "content": "Hello"}],
        api_base=f"http://127.0.0.1:{server.server_port}/v1", api_key="none",
    )
    say("openai", model, answer._hidden_params["response_cost"])

print("cost_per_token")
priced("anthropic", "claude-opus-4-6", "claude-opus-9")
priced("openrouter", "anthropic/claude-opus-9")
priced("gemini", "gemini-9-pro")
priced("xai", "grok-9")
priced("mistral", "mistral-large-9")

print("cost_per_token, models no longer in the list")
for model in ["claude-sonnet-4-20250514", "claude-opus-4-1-20250805"]:
    priced("anthropic", model)
    priced("bedrock", f"anthropic.{model}-v1:0")
priced("gemini", "gemini-3-pro-preview", "gemini-2.0-flash")
priced("openai", "o1-mini", "gpt-4.5-preview")
PYTHON

still_prints python see.py
