"""Clients of the Model Context Protocol: what they are told is what was sent, over HTTP and over standard input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import packages
from rollcall import BINARY

HERE = Path(__file__).resolve().parent
MCP = ["mcp==2.3.0"]
INSPECTOR = ["@modelcontextprotocol/inspector@2.12.0"]
ORGANIZATION = "assistants"
# More digits than a double has.
COSTS = ["10000000"] * 31 + ["3.299999999978"]
TOTAL = "310000003.299999999978"
TOOLS = ["activity", "budgets", "change", "explain", "intake", "key", "keys", "me", "member", "members", "whoami"]
SECONDS = 120


def run(server, logs):
    """What clients made of it that is not so."""
    call = {"timestamp": "2026-06-01T10:00:00Z", "organizationId": ORGANIZATION, "projectId": "web", "apiKeyId": "k1", "usedModel": "openai/gpt-4o"}
    sent = server.ask("POST", "/v1/events", [{**call, "id": f"a{i}", "cost": cost} for i, cost in enumerate(COSTS)])
    assert sent["accepted"] == len(COSTS), sent
    members = [{"organizationId": ORGANIZATION, "userId": user, "role": role} for user, role in {"ada": "owner", "dev": "developer"}.items()]
    server.ask("PUT", "/v1/directory", {"members": members})
    tokens = {user: server.ask("POST", "/v1/tokens", {"kind": "user", "userId": user})["token"] for user in ["ada", "dev"]}
    log = logs / "assistants.log"
    found = []

    def compare(what, got, expected):
        if got != expected:
            found.append(f"{what}: {got}, not {expected}")

    for who, got in python(server, tokens, log).items():
        for name, expected in {"tools": TOOLS, "user": "ada", "cost": TOTAL, "text": TOTAL, "page": True}.items():
            compare(f"PyPI mcp, {who}, {name}", got[name], expected)
        compare(f"PyPI mcp, {who}, refusal", got["refusal"], "this is for owners and admins; your role here is developer")
        print(f"PyPI mcp {who}: protocol {got['version']}, {len(got['tools'])} tools, {got['cost']} USD")
    for who, got in inspector(server, tokens["ada"], log).items():
        compare(f"Inspector, {who}", got, {"tools": TOOLS, "cost": TOTAL})
        print(f"Inspector {who}: {len(got['tools'])} tools, {got['cost']} USD")
    return found


def python(server, tokens, log):
    folder = packages.pypi("mcp", MCP, log)
    settings = {**os.environ, "ROLLCALL_URL": server.url, "ADA": tokens["ada"], "DEV": tokens["dev"], "BINARY": str(BINARY)}
    with open(log, "a") as written:
        done = subprocess.run([folder / "bin" / "python", HERE / "assistant.py"], env=settings, stdout=subprocess.PIPE,
                              stderr=written, text=True, timeout=SECONDS)
    if done.returncode != 0:
        sys.exit(f"the client of PyPI's mcp failed; see {log}")
    return json.loads(done.stdout)


def inspector(server, token, log):
    folder, node = packages.npm("inspector", INSPECTOR, log), packages.node(log)
    arguments = [f"organizationId={ORGANIZATION}", "from=2026-06-01", "to=2026-06-01"]
    # With a catalogue of its own: the usual one is in the home of whoever runs this.
    settings = {**os.environ, "PATH": f"{node}:{os.environ['PATH']}", "MCP_CATALOG_PATH": str(folder / "catalogue.json")}
    ways = {
        "over HTTP": ["--transport", "http", "--server-url", f"{server.url}/mcp", "--header", f"Authorization: Bearer {token}"],
        "over stdio": ["-e", f"ROLLCALL_TOKEN={token}", str(BINARY), "mcp", "--url", server.url],
    }

    def ask(way, *method):
        command = [folder / "node_modules" / ".bin" / "mcp-inspector", "--cli", *way, *method]
        with open(log, "a") as written:
            done = subprocess.run(command, env=settings, stdout=subprocess.PIPE, stderr=written, text=True, timeout=SECONDS)
            written.write(done.stdout)
        if done.returncode != 0:
            sys.exit(f"the Inspector failed at {' '.join(method)}; see {log}")
        return json.loads(done.stdout)

    got = {}
    for who, way in ways.items():
        tools = sorted(tool["name"] for tool in ask(way, "--method", "tools/list")["tools"])
        pairs = [part for pair in arguments for part in ("--tool-arg", pair)]
        called = ask(way, "--method", "tools/call", "--tool-name", "activity", *pairs)
        got[who] = {"tools": tools, "cost": called["structuredContent"]["totals"]["cost"]}
    return got
