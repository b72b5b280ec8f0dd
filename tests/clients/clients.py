"""The table of clients: coding agents and SDKs, each with its packages, settings, command, and what it does not tell.

Each is set up with the settings that docs/feeds.md shows, in a home of its own.
"""

import base64
import json
import shlex
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import packages

HERE = Path(__file__).resolve().parent
SETTINGS = HERE.parents[1] / "data" / "clients"
# What stands in the settings for a server and its token.
SERVER, TOKEN = "http://rollcall.internal:8787", "rc_ingest_…"
# Who is known by her address everywhere, whether a client tells it as such or as the name of a user.
PERSON, ACCOUNT = "mina@example.com", "11111111-2222-4333-8444-555555555555"
SONNET = "claude-sonnet-4-5-20250929"
SITUATIONS = ["work", "refused"]
FAILS = {"call": "fails", "status": 500}
WORK = [
    [FAILS, {"call": "wants", "input": 5000, "cached": 3072, "output": 120, "reasoning": 64}],
    [{"call": "says", "input": 5200, "cached": 4992, "output": 40}],
]
# With tokens written to the cache, and none of thinking, which Anthropic does not tell.
ANTHROPIC_WORK = [
    [FAILS, {"call": "wants", "input": 9000, "cached": 6000, "write": 1000, "output": 120}],
    [{"call": "says", "input": 9300, "cached": 9000, "output": 40}],
]
# A program with an SDK has no failure in between: some repeat it within, some end.
SDK_WORK = [WORK[0][1:], WORK[1]]
EXPORTER = "opentelemetry-exporter-otlp-proto-http==1.45.1"
NODE_EXPORTER = [
    "@opentelemetry/sdk-trace-node@2.12.1",
    "@opentelemetry/exporter-trace-otlp-proto@0.218.0",
    "@opentelemetry/api@1.9.1",
    "zod@4.6.7",
]
LANGCHAIN = ["langchain==1.5.2", "langchain-openai==1.7.4"]
LOOK = ("look", {})
# As long as a provider takes for it.
REFUSAL_SECONDS = 0.3


@dataclass
class Run:
    """One call of a client: its own home, provider and door."""

    client: "Client"
    situation: str
    home: Path
    provider_url: str
    door: str
    token: str
    # Where its packages are.
    folder: Path
    command: list

    def settings(self, name):
        text = (SETTINGS / name).read_text()
        return text.replace(SERVER, self.door).replace(TOKEN, self.token)

    def environment(self, name):
        """The variables of a file of settings, as a shell takes them."""
        return dict(line.split("=", 1) for line in shlex.split(self.settings(name), comments=True))

    def write(self, path, text):
        path = self.home / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if isinstance(text, str) else json.dumps(text))


@dataclass
class Client:
    name: str
    registry: Callable
    # Pinned, and the client itself first.
    packages: list[str]
    model: str
    # Writes the settings into the home, and gives the environment.
    prepare: Callable[[Run], dict]
    command: list[str]
    # The tool that the work uses, with what it is asked.
    tool: tuple[str, dict]
    # The turns of its work, without the tool.
    work: list = field(default_factory=lambda: WORK)
    # Statuses of which nothing is told, by situation.
    untold: dict[str, set[int]] = field(default_factory=dict)
    # A failure is told once, when its prompt is given up.
    tells_last: bool = False
    # What ends a run is told if it has left before; what was posted says so.
    loses_end: bool = False
    # Kinds of tokens that are not told, by model.
    without: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # A failure's status is not told, so none is the client's.
    without_status: bool = False
    # What a failed call is of, where its span does not tell.
    failed_model: str | None = None
    # Whom its calls belong to, where it tells.
    person: str | None = None
    # Whether it repeats a post whose answer was lost.
    repeats: bool = True
    # Several versions are in use side by side: the newest is looked for within each.
    stays: bool = False

    def turns(self, situation):
        if situation == "refused":
            return [[{"call": "refused", "status": 400, "wait": REFUSAL_SECONDS}]]
        first, *rest = self.work
        return [[{**plan, "tool": self.tool} if "status" not in plan else plan for plan in first], *rest]


def jwt(claims):
    parts = [{"alg": "none"}, claims, "signature"]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def codex(run):
    """Signed in with ChatGPT, so that a person is told."""
    here = f"""model = "{run.client.model}"
model_provider = "here"
[model_providers.here]
name = "here"
base_url = "{run.provider_url}/v1"
wire_api = "responses"
requires_openai_auth = true
[analytics]
enabled = false
"""
    run.write(".codex/config.toml", here + run.settings("codex.toml"))
    until = int(time.time()) + 3600
    account = {"chatgpt_plan_type": "plus", "chatgpt_account_id": ACCOUNT, "chatgpt_user_id": "user-1"}
    token = jwt({"email": PERSON, "exp": until, "https://api.openai.com/auth": account})
    tokens = {"id_token": token, "access_token": token, "refresh_token": "none", "account_id": ACCOUNT}
    now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
    signed_in = {"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": tokens, "last_refresh": now}
    run.write(".codex/auth.json", signed_in)
    return {"CODEX_HOME": str(run.home / ".codex")}


def gemini_cli(run):
    settings = {**json.loads(run.settings("gemini-cli.json")), "security": {"auth": {"selectedType": "gemini-api-key"}}}
    run.write(".gemini/settings.json", settings)
    run.write(".gemini/google_accounts.json", {"active": PERSON, "old": []})
    run.write(".gemini/.env", run.settings("gemini-cli.env"))
    return {
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "GEMINI_API_KEY": "none",
        "GOOGLE_GEMINI_BASE_URL": run.provider_url,
    }


def qwen_code(run):
    run.write(".qwen/settings.json", run.settings("qwen-code.json"))
    run.write(".qwen/.env", run.settings("qwen-code.env"))
    return {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": f"{run.provider_url}/v1", "OPENAI_MODEL": run.client.model}


def claude_code(run):
    """Signed in, so that a person is told."""
    run.write(".claude/settings.json", run.settings("claude-code.json"))
    until = (int(time.time()) + 3600) * 1000
    signed_in = {"accessToken": "none", "refreshToken": "none", "expiresAt": until, "subscriptionType": "max"}
    signed_in["scopes"] = ["user:inference", "user:profile"]
    run.write(".claude/.credentials.json", {"claudeAiOauth": signed_in})
    account = {"accountUuid": ACCOUNT, "emailAddress": PERSON, "organizationUuid": ACCOUNT.replace("1", "9")}
    run.write(".claude.json", {"hasCompletedOnboarding": True, "oauthAccount": account})
    return {"ANTHROPIC_BASE_URL": run.provider_url, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}


def opencode(run):
    options = {"baseURL": f"{run.provider_url}/v1", "apiKey": "none"}
    here = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": {run.client.model: {}}}
    settings = {**json.loads(run.settings("opencode.json")), "provider": {"openai": here}, "autoupdate": False}
    settings["small_model"] = f"openai/{run.client.model}"
    run.write(".config/opencode/opencode.json", settings)
    return {**run.environment("opencode.env"), "OPENCODE_DISABLE_MODELS_FETCH": "1"}


def copilot(run):
    return {
        **run.environment("copilot.env"),
        "COPILOT_OFFLINE": "true",
        "COPILOT_PROVIDER_TYPE": "openai",
        "COPILOT_PROVIDER_BASE_URL": f"{run.provider_url}/v1",
        "COPILOT_PROVIDER_API_KEY": "none",
        "COPILOT_MODEL": run.client.model,
    }


def sdk(telemetry, *variables):
    """A program of ours with an SDK, whose telemetry is set up by a file of settings, or by variables alone."""

    def prepare(run):
        folder = run.folder / "program"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        suffix = run.client.command[1].split(".")[-1]
        shutil.copy(HERE / f"sdks.{suffix}", folder)
        if telemetry:
            (folder / f"telemetry.{suffix}").write_text(run.settings(telemetry))
        own = {name: value for file in variables for name, value in run.environment(file).items()}
        run.command = [run.client.command[0], folder / f"sdks.{suffix}", *run.client.command[2:]]
        google = {"GOOGLE_GEMINI_BASE_URL": run.provider_url, "GOOGLE_API_KEY": "none"}
        return {**run.environment("opentelemetry.env"), **own, **google, "OPENAI_API_KEY": "none"}

    return prepare


def node_sdk(name, pinned, telemetry, program, **leaves_out):
    command = ["node", "sdks.mjs", program]
    pinned = [*pinned, *NODE_EXPORTER]
    return Client(name, packages.npm, pinned, "gpt-5-mini", sdk(telemetry), command, LOOK, work=SDK_WORK, **leaves_out)


def python_sdk(name, pinned, prepare, program, model="gpt-5-mini", **leaves_out):
    command = ["python", "sdks.py", program]
    return Client(name, packages.pypi, pinned, model, prepare, command, LOOK, work=SDK_WORK, **leaves_out)


CLIENTS = [
    Client(
        "codex",
        packages.npm,
        ["@openai/codex@0.171.0"],
        "gpt-5-mini",
        codex,
        ["codex", "exec", "--skip-git-repo-check", "--sandbox", "read-only", "Look"],
        ("get_goal", {}),
        # A run that ends in an error ends before it posts.
        untold={"refused": {400}},
        person=PERSON,
        repeats=False,
    ),
    Client(
        "gemini-cli",
        packages.npm,
        ["@google/gemini-cli@0.61.0"],
        "gemini-2.5-flash",
        gemini_cli,
        ["gemini", "-p", "Look", "--yolo", "-m", "gemini-2.5-flash"],
        ("list_directory", {"dir_path": "."}),
        person=PERSON,
    ),
    Client(
        "qwen-code",
        packages.npm,
        ["@qwen-code/qwen-code@0.24.4"],
        "gpt-5-mini",
        qwen_code,
        ["qwen", "-p", "Look", "--yolo", "--auth-type", "openai"],
        ("list_directory", {"path": "."}),
        # Repeated inside its SDK.
        untold={"work": {500}},
    ),
    Client(
        "claude-code",
        packages.npm,
        ["@anthropic-ai/claude-code@2.1.332"],
        SONNET,
        claude_code,
        ["claude", "-p", "Look", "--model", SONNET, "--allowed-tools", "Glob"],
        ("Glob", {"pattern": "*.txt"}),
        work=ANTHROPIC_WORK,
        tells_last=True,
        person=PERSON,
    ),
    Client(
        "opencode",
        packages.npm,
        ["opencode-ai@1.18.33"],
        "gpt-5-mini",
        opencode,
        ["opencode", "run", "--model", "openai/gpt-5-mini", "Look"],
        ("bash", {"command": "true", "description": "Nothing"}),
        loses_end=True,
        without_status=True,
        person=PERSON,
        repeats=False,
    ),
    Client(
        "copilot",
        packages.npm,
        ["@github/copilot@1.0.102"],
        "gpt-5-mini",
        copilot,
        ["copilot", "-p", "Look", "--allow-all-tools"],
        ("glob", {"pattern": "*.txt"}),
        without_status=True,
        repeats=False,
    ),
    node_sdk(
        "vercel-ai-sdk-7",
        [
            "ai@7.0.173",
            "@ai-sdk/otel@1.0.173",
            "@ai-sdk/openai@4.0.118",
            "@ai-sdk/anthropic@4.0.105",
            "@ai-sdk/google@4.0.121",
        ],
        "vercel-ai-sdk-7.mjs",
        "vercel",
        without=dict.fromkeys(["gpt-5-mini", "gpt-4o-mini", "gemini-2.5-flash"], ("reasoning",)),
        stays=True,
    ),
    node_sdk(
        "vercel-ai-sdk-6",
        ["ai@6.0.326", "@ai-sdk/openai@3.0.141", "@ai-sdk/anthropic@3.0.140", "@ai-sdk/google@3.0.141"],
        "vercel-ai-sdk-6.mjs",
        "vercel",
        without_status=True,
        person=PERSON,
        stays=True,
    ),
    node_sdk(
        "vercel-ai-sdk-5",
        ["ai@5.0.277", "@ai-sdk/openai@2.0.130", "@ai-sdk/anthropic@2.0.112", "@ai-sdk/google@2.0.108"],
        "vercel-ai-sdk-6.mjs",
        "vercel",
        without={"gpt-5-mini": ("cached", "reasoning")},
        without_status=True,
        person=PERSON,
        stays=True,
    ),
    node_sdk(
        "openai-agents-js",
        ["@openai/agents@0.20.0", "@arizeai/openinference-instrumentation-openai-agents@0.2.15"],
        "openai-agents.mjs",
        "openaiAgents",
        failed_model="unknown",
    ),
    node_sdk(
        "langchain-js",
        [
            "langchain@1.5.14",
            "@langchain/openai@1.6.0",
            "@langchain/core@1.4.0",
            "@arizeai/openinference-instrumentation-langchain@4.1.1",
        ],
        "langchain.mjs",
        "langchain",
    ),
    python_sdk(
        "openai-agents",
        ["openai-agents==0.24.0", "openinference-instrumentation-openai-agents==2.6.0", EXPORTER],
        sdk("openai-agents.py"),
        "openai_agents",
        failed_model="unknown",
    ),
    python_sdk(
        "langchain",
        [*LANGCHAIN, "openinference-instrumentation-langchain==0.1.80", EXPORTER],
        sdk("langchain.py"),
        "langchain",
    ),
    python_sdk(
        "langsmith",
        ["langsmith[otel]==0.15.1", *LANGCHAIN],
        sdk(None, "langsmith.env"),
        "langchain",
        without_status=True,
    ),
    python_sdk(
        "pydantic-ai",
        ["pydantic-ai-slim[openai]==2.68.0", EXPORTER],
        sdk("pydantic-ai.py"),
        "pydantic_ai",
        without_status=True,
    ),
    python_sdk(
        "google-adk",
        # It holds OpenTelemetry back.
        ["google-adk==2.13.0", "opentelemetry-exporter-otlp-proto-http==1.44.0"],
        sdk("google-adk.py"),
        "google_adk",
        model="gemini-2.5-flash",
    ),
    python_sdk(
        "strands",
        ["strands-agents[openai]==1.62.0", EXPORTER],
        sdk("strands.py"),
        "strands",
        without={"gpt-5-mini": ("reasoning",)},
        person=PERSON,
    ),
]
