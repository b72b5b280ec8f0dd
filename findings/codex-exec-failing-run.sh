#!/usr/bin/env bash
# A run of `codex exec` that ends in an error never sends its telemetry, the paid calls before the error included.
#
# @openai/codex 0.171.0 (npm).
#
# With [otel] switched on Codex collects its log records and posts them on a timer and at the end. A run that succeeds
# flushes before it exits; one that fails exits without. What the timer has not sent by then is gone, and the error with
# it: the failing runs of a CI pipeline, often the long and dear ones, are missing from every total, and no rate of
# errors is ever seen. (Codex prints `tokens used` at the end of either run, without those that were read from the
# cache: 2,120 of 5,120 for one call.)
# The server here answers a first call with a request for a tool and 5000 tokens in, 3000 of them cached, and 120 out.
# The second call is answered likewise in one run and with a 400 in the other. The timer is set to a minute, so that
# what is seen is what the end of a run sends. Counted are records with `input_token_count`, one for each call.
#
# Seen:
#   second call 200: exit 0, answered with usage 2, posts of logs 1, calls in them 2, tokens used 4,240
#   second call 400: exit 1, answered with usage 1, posts of logs 0, calls in them 0, tokens used 2,120
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
node_packages @openai/codex@0.171.0

cat >see.py <<'PYTHON'
import http.server, json, os, pathlib, re, subprocess, threading

second, answered, posts = None, 0, []

class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.reply(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/logs":
            posts.append(json.loads(body))
            self.reply(200)
        elif self.path == "/v1/responses":
            self.model(json.loads(body))
        else:
            self.reply(404)  # what a turn has cost: not every provider says

    def model(self, request):
        global answered
        is_first = not any(item.get("type") == "function_call_output" for item in request["input"])
        if not is_first and second == 400:
            return self.reply(400, json.dumps({"error": {"message": "no", "type": "invalid_request_error"}}))
        answered += 1
        item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]}
        if is_first:
            item = {"type": "function_call", "call_id": "call_1", "name": "get_goal", "arguments": "{}"}
        usage = {
            "input_tokens": 5000, "input_tokens_details": {"cached_tokens": 3000},
            "output_tokens": 120, "output_tokens_details": {"reasoning_tokens": 64}, "total_tokens": 5120,
        }
        response = {"id": f"resp_{answered}"}
        events = [
            {"type": "response.created", "response": response},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": response | {"usage": usage}},
        ]
        self.reply(200, "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events))

    def reply(self, status, body="{}"):
        self.send_response(status)
        self.send_header("content-type", "text/event-stream" if body.startswith("event") else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/v1"
pathlib.Path("config.toml").write_text(f"""
model = "gpt-5-codex"
model_provider = "here"
[model_providers.here]
name = "here"
base_url = "{url}"
wire_api = "responses"
env_key = "KEY_OF_HERE"
[otel]
exporter = {{ otlp-http = {{ endpoint = "{url}/logs", protocol = "json" }} }}
[analytics]
enabled = false
""")
environment = {
    "PATH": os.environ["PATH"], "HOME": os.getcwd(), "CODEX_HOME": os.getcwd(), "KEY_OF_HERE": "none",
    "OTEL_BLRP_SCHEDULE_DELAY": "60000",
}

def calls_in(node):
    """How many attributes of that name there are, wherever in the body."""
    if isinstance(node, list):
        return sum(map(calls_in, node))
    if isinstance(node, dict):
        return (node.get("key") == "input_token_count") + sum(map(calls_in, node.values()))
    return 0

for second in [200, 400]:
    answered = 0
    posts.clear()
    run = subprocess.run(
        ["codex", "exec", "--skip-git-repo-check", "--sandbox", "read-only", "Look"], env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
    )
    used = re.search(r"tokens used\s+([\d,]+)", run.stdout)
    print(
        f"second call {second}: exit {run.returncode}, answered with usage {answered}, posts of logs {len(posts)},"
        f" calls in them {calls_in(posts)}, tokens used {used and used.group(1)}"
    )
PYTHON

still_prints python3 see.py
