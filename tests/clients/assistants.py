"""Clients of the Model Context Protocol: what they are told is what was sent, over HTTP and over standard input. Coding
agents among them, with the settings that docs/mcp.md shows and a scripted model that wants the tool."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import agents
import packages
from clients import SONNET, Client, Run
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
DAY = {"organizationId": ORGANIZATION, "from": "2026-06-01", "to": "2026-06-01", "groupBy": "none"}
WORK = [[{"call": "wants", "input": 100, "output": 10}], [{"call": "says", "input": 5000, "output": 10}]]


def claude_code(run):
    server = {"command": str(BINARY), "args": ["mcp", "--url", run.door], "env": {"ROLLCALL_TOKEN": run.token}}
    run.write("mcp.json", {"mcpServers": {"rollcall": server}})
    run.write(".claude.json", {"hasCompletedOnboarding": True})
    run.command += ["--mcp-config", str(run.home / "mcp.json")]
    return {"ANTHROPIC_BASE_URL": run.provider_url, "ANTHROPIC_API_KEY": "none", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}


def codex(run):
    run.write(".codex/config.toml", f"""model = "gpt-5-mini"
model_provider = "here"
[model_providers.here]
name = "here"
base_url = "{run.provider_url}/v1"
wire_api = "responses"
[analytics]
enabled = false
[mcp_servers.rollcall]
command = "{BINARY}"
args = ["mcp", "--url", "{run.door}"]
env = {{ ROLLCALL_TOKEN = "{run.token}" }}
default_tools_approval_mode = "approve"
""")
    return {"CODEX_HOME": str(run.home / ".codex")}


HOSTS = [
    Client("claude-code", packages.npm, ["@anthropic-ai/claude-code@2.1.332"], SONNET, claude_code,
           ["claude", "-p", "Look", "--model", SONNET, "--allowed-tools", "mcp__rollcall__activity"],
           ("mcp__rollcall__activity", DAY), WORK),
    Client("codex", packages.npm, ["@openai/codex@0.171.0"], "gpt-5-mini", codex,
           ["codex", "exec", "--skip-git-repo-check", "--sandbox", "read-only", "Look"],
           ("activity", DAY), [[{**WORK[0][0], "namespace": "mcp__rollcall"}], WORK[1]]),
]


def run(server, provider, logs):
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
    for client in HOSTS:
        told = hosted(server, provider, tokens["ada"], logs, client)
        compare(client.name, TOTAL in told, True)
        print(f"{client.name}: its model was told {TOTAL}" if TOTAL in told else f"{client.name}: {told[-500:]}")
    return found


def hosted(server, provider, token, logs, client):
    """What the model of a coding agent was told by the tool that it wanted."""
    node = packages.node(logs / "install.log")
    folder = client.registry(client.name, client.packages, logs / "install.log")
    name = f"{client.name}-asks"
    provider.scripts[name] = client.turns("work")
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as home:
        one = Run(client, "work", Path(home), provider.url_of(name), server.url, token, folder, [*client.command])
        agents.start(one, node, logs / f"{name}.log")
    return json.dumps(provider.last.get(name))


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
