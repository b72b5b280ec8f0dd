#!/usr/bin/env bash
# Why an MCP server refuses is read by nobody unless a 401 is a JSON-RPC error in application/json; by the Inspector never.
#
# mcp 2.3.0 (PyPI), @modelcontextprotocol/inspector 2.12.0, node 26.10.0 (npm).
#
# The specification leaves the body of a refusal to the server, and an HTTP API has one: a problem document, or a sentence.
# PyPI's client reads a refusal's body only where its type begins with application/json and it is a JSON-RPC error; of
# anything else it says "Server returned an error response", whether the token has expired, is of another organization, or
# is missing. The Inspector takes every 401 as the beginning of OAuth and says that this needs a terminal; the reason of
# a 403 it shows, whatever its form. A token that expired over night looks like a server that is broken.
# The server here refuses everything, each time in another form.
#
# Seen:
#   401 text/plain: mcp says "Server returned an error response", the Inspector "Interactive OAuth requires a TTY on stdin or stderr"
#   401 application/problem+json, a problem: mcp says "Server returned an error response", the Inspector "Interactive OAuth requires a TTY on stdin or stderr"
#   401 application/json, a problem: mcp says "Server returned an error response", the Inspector "Interactive OAuth requires a TTY on stdin or stderr"
#   401 application/json, JSON-RPC: mcp says "the access token expired yesterday", the Inspector "Interactive OAuth requires a TTY on stdin or stderr"
#   403 text/plain: mcp says "Server returned an error response", the Inspector "the access token expired yesterday"
#   403 application/problem+json, a problem: mcp says "Server returned an error response", the Inspector "the access token expired yesterday"
#   403 application/json, a problem: mcp says "Server returned an error response", the Inspector "the access token expired yesterday"
#   403 application/json, JSON-RPC: mcp says "the access token expired yesterday", the Inspector "the access token expired yesterday"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages mcp==2.3.0
node_packages node@26.10.0 @modelcontextprotocol/inspector@2.12.0

cat >see.py <<'PYTHON'
import asyncio, http.server, json, os, subprocess, threading

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

REASON = "the access token expired yesterday"
problem = json.dumps({"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": REASON})
error = json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32003, "message": REASON}})
FORMS = [("text/plain", REASON), ("application/problem+json", problem), ("application/json", problem), ("application/json", error)]
form = None

class Refusing(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        status, kind, body = form
        self.send_response(status)
        if status == 401:
            self.send_header("www-authenticate", "Bearer")
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_GET(self):
        self.send_response(404)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/mcp"

async def of_mcp():
    try:
        async with Client(streamable_http_client(url, http_client=httpx2.AsyncClient(headers={"authorization": "Bearer old"}))):
            return "welcome"
    except BaseExceptionGroup as group:
        failed = group
        while isinstance(failed, BaseExceptionGroup):
            failed = failed.exceptions[0]
        return failed.error.message if isinstance(failed, MCPError) else str(failed)
    except MCPError as failed:
        return failed.error.message

def of_inspector():
    command = ["mcp-inspector", "--cli", "--transport", "http", "--server-url", url, "--header", "Authorization: Bearer old", "--method", "tools/list"]
    settings = os.environ | {"MCP_CATALOG_PATH": os.path.abspath("catalogue.json")}
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60)
    said = (done.stdout + done.stderr).strip()
    try:
        said = json.loads(said)["error"]["message"]
    except ValueError:
        pass
    return REASON if REASON in said else said.split(" (")[0][:60]

for status in [401, 403]:
    for kind, body in FORMS:
        form = (status, kind, body)
        name = f"{kind}, JSON-RPC" if body == error else f"{kind}, a problem" if body == problem else kind
        print(f'{status} {name}: mcp says "{asyncio.run(of_mcp())}", the Inspector "{of_inspector()}"', flush=True)
PYTHON

still_prints python see.py
