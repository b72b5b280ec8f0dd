#!/usr/bin/env bash
# Sums over what Claude Code says of its own cost come out too high, by its results as well as by its transcripts.
#
# @anthropic-ai/claude-code 2.1.332 on node 26.10.0 (npm).
#
# Results (`claude -p --output-format json`): `usage` is of this run, `total_cost_usd` beside it of the whole session,
# so a run that continues one (--continue, --fork-session) names the cost of all runs before once more. Three runs with
# four calls between them report the money of nine; the more often a session is continued, the worse. (Its maintainers
# say in issue 83239 of anthropics/claude-code that with this format each run names its own cost.)
# Transcripts (~/.claude/projects/*/*.jsonl): an answer is a line for each block of its content, each with the whole
# usage of the call: text and two tool calls are three times the call. A fork copies the lines before it into its own
# file, under its own sessionId. Only message id and request id together, over all files, tell what is one call.
# The server here answers every call with 500 tokens in, 1000 read from and 300 written to the cache, 40 out, which is
# 0.003525 dollars. The first run makes two calls (text and two tool calls; text), the others one each.
#
# Seen:
#   results
#     first run      calls 2  usage input 1000 output 80  total_cost_usd 0.007050
#     --continue     calls 1  usage input 500 output 40  total_cost_usd 0.010575
#     --fork-session calls 1  usage input 500 output 40  total_cost_usd 0.014100
#     sum of total_cost_usd 0.031725, of what was called 0.014100
#   transcripts
#     file 1: msg_1 req_1 text: output 40
#     file 1: msg_1 req_1 tool_use: output 40
#     file 1: msg_1 req_1 tool_use: output 40
#     file 1: msg_2 req_2 text: output 40
#     file 1: msg_3 req_3 text: output 40
#     file 2: msg_1 req_1 text: output 40
#     file 2: msg_1 req_1 tool_use: output 40
#     file 2: msg_1 req_1 tool_use: output 40
#     file 2: msg_2 req_2 text: output 40
#     file 2: msg_3 req_3 text: output 40
#     file 2: msg_4 req_4 text: output 40
#     sum of output over lines 440, over message and request ids 160
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
node_packages node@26.10.0 @anthropic-ai/claude-code@2.1.332

cat >see.py <<'PYTHON'
import http.server, json, os, pathlib, subprocess, threading

USAGE = {
    "input_tokens": 500, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 300, "output_tokens": 40,
    "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 0},
}
COST = (500 * 3 + 1000 * 0.3 + 300 * 3.75 + 40 * 15) / 1e6
calls = 0

def block(index, start, delta):
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        {"type": "content_block_delta", "index": index, "delta": delta},
        {"type": "content_block_stop", "index": index},
    ]

def text(index, words):
    return block(index, {"type": "text", "text": ""}, {"type": "text_delta", "text": words})

def bash(index, command):
    tool = {"type": "tool_use", "id": f"toolu_{index}", "name": "Bash", "input": {}}
    given = json.dumps({"command": command, "description": "says a word"})
    return block(index, tool, {"type": "input_json_delta", "partial_json": given})

def answer(model):
    content, stop = text(0, "Done."), "end_turn"
    if calls == 1:
        content, stop = text(0, "I look.") + bash(1, "echo one") + bash(2, "echo two"), "tool_use"
    message = {
        "id": f"msg_{calls}", "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": USAGE | {"output_tokens": 1},
    }
    end = {"stop_reason": stop, "stop_sequence": None}
    yield {"type": "message_start", "message": message}
    yield from content
    yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": USAGE["output_tokens"]}}
    yield {"type": "message_stop"}

class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global calls
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        calls += 1
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("request-id", f"req_{calls}")
        self.end_headers()
        for event in answer(request["model"]):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
environment = {
    "PATH": os.environ["PATH"], "HOME": os.getcwd(), "ANTHROPIC_API_KEY": "none",
    "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1",
}
COMMAND = ["claude", "-p", "Look", "--model", "claude-sonnet-4-5", "--allowedTools", "Bash", "--output-format", "json"]

print("results")
total = 0
for what, settings in [("first run", []), ("--continue", []), ("--fork-session", ["--continue"])]:
    before = calls
    settings = settings + [what] if what.startswith("--") else settings
    run = subprocess.run(
        COMMAND + settings, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=120
    )
    result = json.loads(run.stdout)
    usage = result["usage"]
    total += result["total_cost_usd"]
    print(
        f"  {what:14} calls {calls - before}  usage input {usage['input_tokens']} output {usage['output_tokens']}"
        f"  total_cost_usd {result['total_cost_usd']:.6f}"
    )
print(f"  sum of total_cost_usd {total:.6f}, of what was called {calls * COST:.6f}")

print("transcripts")
output, known = 0, set()
files = sorted(pathlib.Path(".claude/projects").glob("*/*.jsonl"), key=lambda file: file.stat().st_ctime_ns)
for number, file in enumerate(files, 1):
    for line in map(json.loads, file.read_text().splitlines()):
        if line["type"] == "assistant":
            assert line["sessionId"] == file.stem
            message = line["message"]
            output += message["usage"]["output_tokens"]
            known.add((message["id"], line["requestId"]))
            kinds = ", ".join(part["type"] for part in message["content"])
            told = message["usage"]["output_tokens"]
            print(f"  file {number}: {message['id']} {line['requestId']} {kinds}: output {told}")
print(f"  sum of output over lines {output}, over message and request ids {len(known) * USAGE['output_tokens']}")
PYTHON

still_prints python3 see.py
