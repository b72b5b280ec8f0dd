#!/usr/bin/env bash
# Qwen Code's output_token_count has the thoughts in it or not, by which provider was behind the same call.
#
# @qwen-code/qwen-code 0.24.4, @google/gemini-cli 0.61.0 on node 26.10.0 (npm).
#
# Both send a log record for each call, with the same attributes: Qwen Code is a fork of Gemini CLI. They pass on what
# the provider says: Gemini counts thoughts beside its output, OpenAI and who speaks its protocol within it. So of 1000
# output tokens, 900 of them thoughts, the record says 100 or 1000, and nothing in it but the model's name says which.
# Who adds the thoughts counts Qwen's models nearly twice, who doesn't loses nine tenths of Gemini's. total_token_count
# less input_token_count is right for all here. Gemini CLI writes its 100 as gen_ai.usage.output_tokens too, in a second
# record of the same call, so who takes every record with tokens has the call twice.
# The server here answers in both protocols: 1000 tokens in, 100 answered, 900 thought.
#
# Seen:
#   gemini, Gemini
#     gemini_cli.api_response: input 1000 output 100 thoughts 900 total 2000
#     gen_ai.client.inference.operation.details: input 1000 output 100
#   qwen, Gemini
#     qwen-code.api_response: input 1000 output 100 thoughts 900 total 2000
#   qwen, OpenAI
#     qwen-code.api_response: input 1000 output 1000 thoughts 900 total 2000
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
node_packages node@26.10.0 @google/gemini-cli@0.61.0 @qwen-code/qwen-code@0.24.4

cat >see.py <<'PYTHON'
import http.server, json, os, pathlib, subprocess, threading

seen = set()
NAMES = {
    "input": ["input_token_count", "gen_ai.usage.input_tokens"],
    "output": ["output_token_count", "gen_ai.usage.output_tokens"],
    "thoughts": ["thoughts_token_count"],
    "total": ["total_token_count"],
}

def remember(logs):
    for resource in logs["resourceLogs"]:
        for scope in resource["scopeLogs"]:
            for record in scope["logRecords"]:
                said = {attribute["key"]: attribute["value"] for attribute in record["attributes"]}
                line = ""
                for what, names in NAMES.items():
                    for name in names:
                        if "intValue" in said.get(name, {}):
                            line += f" {what} {said[name]['intValue']}"
                if line:
                    seen.add(f"{said['event.name']['stringValue']}:{line}")

def gemini():
    usage = {"promptTokenCount": 1000, "candidatesTokenCount": 100, "thoughtsTokenCount": 900, "totalTokenCount": 2000}
    content = {"role": "model", "parts": [{"text": "Done."}]}
    candidates = [{"content": content, "finishReason": "STOP", "index": 0}]
    answer = {"responseId": "r1", "modelVersion": "gemini-2.5-flash", "candidates": candidates, "usageMetadata": usage}
    return f"data: {json.dumps(answer)}\n\n"

def openai(request):
    usage = {
        "prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000,
        "completion_tokens_details": {"reasoning_tokens": 900},
    }
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1790000000, "model": request["model"]}
    events = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Done."}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": usage},
    ]
    return "".join(f"data: {json.dumps(head | event)}\n\n" for event in events) + "data: [DONE]\n\n"

class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        if length := self.headers["content-length"]:
            body = self.rfile.read(int(length))
        else:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        if ":streamGenerateContent" in self.path:
            return self.reply(gemini(), "text/event-stream")
        if self.path.endswith("/chat/completions"):
            return self.reply(openai(json.loads(body)), "text/event-stream")
        if self.path == "/v1/logs":
            remember(json.loads(body))
        self.reply("{}", "application/json")  # traces, metrics

    def reply(self, body, kind):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
telemetry = {"enabled": True, "target": "local", "otlpEndpoint": url, "otlpProtocol": "http", "logPrompts": False}
for folder in [".gemini", ".qwen"]:
    pathlib.Path(folder).mkdir()
    settings = {"telemetry": telemetry}
    if folder == ".gemini":
        settings["security"] = {"auth": {"selectedType": "gemini-api-key"}}
    pathlib.Path(folder, "settings.json").write_text(json.dumps(settings))
environment = {
    "PATH": os.environ["PATH"], "HOME": os.getcwd(), "GEMINI_CLI_TRUST_WORKSPACE": "true",
    "GEMINI_API_KEY": "none", "GEMINI_MODEL": "gemini-2.5-flash", "GOOGLE_GEMINI_BASE_URL": url,
    "OPENAI_API_KEY": "none", "OPENAI_MODEL": "qwen3-coder-plus", "OPENAI_BASE_URL": f"{url}/v1",
}

for what, command in [
    ("gemini, Gemini", ["gemini", "-p", "Look", "-m", "gemini-2.5-flash"]),
    ("qwen, Gemini", ["qwen", "-p", "Look", "--auth-type", "gemini", "-m", "gemini-2.5-flash"]),
    ("qwen, OpenAI", ["qwen", "-p", "Look", "--auth-type", "openai", "-m", "qwen3-coder-plus"]),
]:
    seen.clear()
    run = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=180,
    )
    print(what)
    for line in sorted(seen) or [run.stdout]:
        print(f"  {line}")
PYTHON

still_prints python3 see.py
