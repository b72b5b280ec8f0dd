#!/usr/bin/env bash
# A run of opencode that succeeds ends without sending the spans it has, the paid calls of its last seconds among them.
#
# opencode-ai 1.18.33 (npm).
#
# With OTEL_EXPORTER_OTLP_ENDPOINT and its experimental openTelemetry opencode traces every call and posts the spans on a
# timer, every five seconds by default, or when 512 have come together (a call is among some hundred others). The end of
# `opencode run` does not flush them: what ended since the last post is gone, though nothing went wrong and the log
# records of the same run are posted. A short run in CI, a question and its answer, is in no total; a long one lacks its
# last calls. OTEL_BSP_SCHEDULE_DELAY=100 makes the loss small: runs that succeed have told all of their calls with it,
# those that end in an error some.
# The server here answers each call at once with 77 tokens in and 5 out. One call is the prompt's, one names the session.
# The timer is set to a minute, so that what is seen is what the end of a run sends.
#
# Seen:
#   exit 0, calls answered 2, posts of logs some, calls in the posts of traces fewer
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
node_packages opencode-ai@1.18.33

cat >see.py <<'PYTHON'
import http.server, json, os, pathlib, re, subprocess, threading

answered, posts = 0, {"logs": [], "traces": []}

class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global answered
        if length := self.headers["content-length"]:
            body = self.rfile.read(int(length))
        else:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        if self.path.startswith("/otlp/v1/"):
            posts[self.path.removeprefix("/otlp/v1/")].append(body.decode())
            return self.reply("{}", "application/json")
        answered += 1
        head = {"id": f"c{answered}", "object": "chat.completion.chunk", "created": 1790000000, "model": "gpt-5-mini"}
        events = [
            {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Done."}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": {"prompt_tokens": 77, "completion_tokens": 5, "total_tokens": 82}},
        ]
        text = "".join(f"data: {json.dumps(head | event)}\n\n" for event in events)
        self.reply(text + "data: [DONE]\n\n", "text/event-stream")

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
here = {
    "npm": "@ai-sdk/openai-compatible", "options": {"baseURL": f"{url}/v1", "apiKey": "none"},
    "models": {"gpt-5-mini": {}},
}
settings = {"provider": {"openai": here}, "small_model": "openai/gpt-5-mini", "experimental": {"openTelemetry": True}}
pathlib.Path(".config/opencode").mkdir(parents=True)
pathlib.Path(".config/opencode/opencode.json").write_text(json.dumps(settings))
environment = {
    "PATH": os.environ["PATH"], "HOME": os.getcwd(), "NO_PROXY": "127.0.0.1", "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_AUTOUPDATE": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": f"{url}/otlp", "OTEL_BSP_SCHEDULE_DELAY": "60000",
}
run = subprocess.run(
    ["opencode", "run", "--model", "openai/gpt-5-mini", "Look"], env=environment, stdin=subprocess.DEVNULL,
    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180,
)
told = set(re.findall(r'"ai\.response\.id","value":\{"stringValue":"(c\d+)"', "".join(posts["traces"])))
print(
    f"exit {run.returncode}, calls answered {answered}, posts of logs {'some' if posts['logs'] else 'none'}, calls in the"
    f" posts of traces {'fewer' if len(told) < answered else 'all'}"
)
PYTHON

still_prints python3 see.py
