"""Coding agents and SDKs as their users install them, each with the settings that docs/feeds.md shows.

One table has for each client its packages, how it is set up and called, and what it does not tell. Each runs in two
situations: work with a tool, and a request that is refused. The provider's ledger is the truth, but for what the table
says that the client leaves out.
"""

import base64
import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import packages
import provider as models
from recorder import GATEWAY, PASS
from rollcall import Event, Sums

HERE = Path(__file__).resolve().parent
SETTINGS = HERE.parents[1] / "data" / "clients"
# What stands in the settings for a server and its token.
SERVER, TOKEN = "http://rollcall.internal:8787", "rc_ingest_…"
# Who is known by her address everywhere, whether a client tells it as such or as the name of a user.
PERSON, ACCOUNT = "mina@example.com", "11111111-2222-4333-8444-555555555555"
SONNET = "claude-sonnet-4-5-20250929"
RUN_SECONDS = 180
# Until a server has taken what was posted when a client ended.
SETTLE_SECONDS = 1


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
    # The turns of a situation; the tool comes with the first.
    script: dict[str, list] = field(default_factory=dict)
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
            return [[{"call": "refused", "status": 400}]]
        first, *rest = self.script.get(situation, WORK)
        return [[{**plan, "tool": self.tool} if "status" not in plan else plan for plan in first], *rest]


WORK = [
    [{"call": "fails", "status": 500}, {"call": "wants", "input": 5000, "cached": 3072, "output": 120, "reasoning": 64}],
    [{"call": "says", "input": 5200, "cached": 4992, "output": 40}],
]
# Where prices are by model only; Anthropic's tokens written to the cache, and none of thinking.
ANTHROPIC_WORK = [
    [{"call": "fails", "status": 500}, {"call": "wants", "input": 9000, "cached": 6000, "write": 1000, "output": 120}],
    [{"call": "says", "input": 9300, "cached": 9000, "output": 40}],
]
# A program with an SDK has no failure in between: some repeat it within, some end.
SDK_WORK = [WORK[0][1:], WORK[1]]
SITUATIONS = ["work", "refused"]
LOOK = ("look", {})
UNREASONED = dict.fromkeys(["gpt-5-mini", "gpt-4o-mini", "gemini-2.5-flash"], ("reasoning",))
NODE_EXPORTS = ["@opentelemetry/sdk-trace-node@2.12.1", "@opentelemetry/exporter-trace-otlp-proto@0.218.0", "@opentelemetry/api@1.9.1"]
PYTHON_EXPORTER = "opentelemetry-exporter-otlp-proto-http==1.45.1"
LANGCHAIN = ["langchain==1.5.2", "langchain-openai==1.7.4"]


def ai(*packages):
    return [f"@ai-sdk/{package}" for package in packages]



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
    run.write(".codex/auth.json", {"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": tokens, "last_refresh": now})
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
    run.write(".claude/.credentials.json", {"claudeAiOauth": {**signed_in, "scopes": ["user:inference", "user:profile"]}})
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
        script={"work": ANTHROPIC_WORK},
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
    *[
        Client(
            f"vercel-ai-sdk-{major}",
            packages.npm,
            [pinned, *also, *NODE_EXPORTS, "zod@4.6.7"],
            "gpt-5-mini",
            sdk(f"vercel-ai-sdk-{settings}.mjs"),
            ["node", "sdks.mjs", "vercel"],
            LOOK,
            script={"work": SDK_WORK},
            stays=True,
            **leaves_out,
        )
        for major, pinned, settings, also, leaves_out in [
            (7, "ai@7.0.173", 7, ["@ai-sdk/otel@1.0.173", *ai("openai@4.0.118", "anthropic@4.0.105", "google@4.0.121")], {"without": UNREASONED}),
            (6, "ai@6.0.326", 6, ai("openai@3.0.141", "anthropic@3.0.140", "google@3.0.141"), {"person": PERSON, "without_status": True}),
            (5, "ai@5.0.277", 6, ai("openai@2.0.130", "anthropic@2.0.112", "google@2.0.108"), {"person": PERSON, "without_status": True, "without": {"gpt-5-mini": ("cached", "reasoning")}}),
        ]
    ],
    Client(
        "openai-agents-js",
        packages.npm,
        [
            "@openai/agents@0.20.0",
            "@arizeai/openinference-instrumentation-openai-agents@0.2.15",
            *NODE_EXPORTS,
            "zod@4.6.7",
        ],
        "gpt-5-mini",
        sdk("openai-agents.mjs"),
        ["node", "sdks.mjs", "openaiAgents"],
        LOOK,
        script={"work": SDK_WORK},
        failed_model="unknown",
    ),
    Client(
        "langchain-js",
        packages.npm,
        [
            "langchain@1.5.14",
            "@langchain/openai@1.6.0",
            "@langchain/core@1.4.0",
            "@arizeai/openinference-instrumentation-langchain@4.1.1",
            *NODE_EXPORTS,
            "zod@4.6.7",
        ],
        "gpt-5-mini",
        sdk("langchain.mjs"),
        ["node", "sdks.mjs", "langchain"],
        LOOK,
        script={"work": SDK_WORK},
    ),
    *[
        Client(
            name,
            packages.pypi,
            pinned,
            model,
            prepare,
            ["python", "sdks.py", program],
            LOOK,
            script={"work": SDK_WORK},
            **leaves_out,
        )
        for name, pinned, model, prepare, program, leaves_out in [
            (
                "openai-agents",
                ["openai-agents==0.24.0", "openinference-instrumentation-openai-agents==2.6.0", PYTHON_EXPORTER],
                "gpt-5-mini",
                sdk("openai-agents.py"),
                "openai_agents",
                {"failed_model": "unknown"},
            ),
            (
                "langchain",
                [*LANGCHAIN, "openinference-instrumentation-langchain==0.1.80", PYTHON_EXPORTER],
                "gpt-5-mini",
                sdk("langchain.py"),
                "langchain",
                {},
            ),
            (
                "langsmith",
                ["langsmith[otel]==0.15.1", *LANGCHAIN],
                "gpt-5-mini",
                sdk(None, "langsmith.env"),
                "langchain",
                {"without_status": True},
            ),
            (
                "pydantic-ai",
                ["pydantic-ai-slim[openai]==2.68.0", PYTHON_EXPORTER],
                "gpt-5-mini",
                sdk("pydantic-ai.py"),
                "pydantic_ai",
                {"without_status": True},
            ),
            ("google-adk", ["google-adk==2.13.0", "opentelemetry-exporter-otlp-proto-http==1.44.0"], "gemini-2.5-flash", sdk("google-adk.py"), "google_adk", {}),
            (
                "strands",
                ["strands-agents[openai]==1.62.0", PYTHON_EXPORTER],
                "gpt-5-mini",
                sdk("strands.py"),
                "strands",
                {"person": PERSON, "without": {"gpt-5-mini": ("reasoning",)}},
            ),
        ]
    ],
]


def channel(client, situation):
    return f"{client.name}-{situation}"


FATES = {
    channel(client, situation): [GATEWAY, PASS] if client.repeats else [PASS]
    for client in CLIENTS
    for situation in SITUATIONS
}


def run(server, recorder, provider, logs, names, latest):
    """Where the answers differ from what was sent, by client; and prints which ran, in which version."""
    node = packages.node(logs / "install.log")
    differences = []
    for client in [one for one in CLIENTS if not names or one.name in names]:
        log = logs / f"{client.name}-install.log"
        wanted = client.packages
        try:
            if latest:
                wanted = packages.newest(client.registry, client.packages, client.stays, log)
            folder = client.registry(f"latest/{client.name}" if latest else client.name, wanted, log)
        except packages.NotInstalled as error:
            print(f"{client.name}: NOT RUN, {error}")
            continue
        found, calls = run_one(server, recorder, provider, logs, client, folder, node)
        version = f" (pinned: {client.packages[0]})" if wanted[0] != client.packages[0] else ""
        print(f"{wanted[0]}{version}: {calls} calls, {len(found)} sums differ", flush=True)
        differences += found
    return differences


def run_one(server, recorder, provider, logs, client, folder, node):
    server.enter(client.name, {PERSON: PERSON})
    token = server.token(organizationId=client.name)
    events, undone = [], []
    for situation in SITUATIONS:
        name = channel(client, situation)
        provider.scripts[name] = client.turns(situation)
        with tempfile.TemporaryDirectory(prefix=f"{name}-") as home:
            door = f"{recorder.url}/{name}"
            one = Run(client, situation, Path(home), provider.url_of(name), door, token, folder, client.command)
            start(one, node, logs / f"{name}.log")
        served = provider.served_run(name)
        missed = {plan["call"] for turn in client.turns(situation) for plan in turn} - {row["call"] for row in served}
        undone += [f"{name} did not ask for {call}; see {logs / name}.log" for call in sorted(missed)]
        sent = None
        if client.loses_end:
            sent = [post.body.decode() for post in recorder.arrived(name) if post.path.endswith("/traces")]
        some = [event(client, row) for row in told(client, situation, served, sent)]
        if client.loses_end:
            print(f"{name}: {len(served) - len(some)} of {len(served)} calls lost inside the client")
        events += some
    time.sleep(SETTLE_SECONDS)
    return undone + server.differences(client.name, events, ["user", "model"]), len(events)


def start(run, node, log):
    """Runs a client to its end, at most for a while."""
    bins = [run.folder / "node_modules" / ".bin", run.folder / "bin", node]
    work = run.home / "work"
    work.mkdir()
    # Nothing goes elsewhere than to this machine.
    nowhere = {name: "http://127.0.0.1:9" for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")}
    environment = {
        "PATH": os.pathsep.join([*map(str, bins), os.environ["PATH"]]),
        "HOME": str(run.home),
        **nowhere,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "PROVIDER_URL": run.provider_url,
        "SITUATION": run.situation,
        **run.client.prepare(run),
    }
    with open(log, "w") as written:
        process = subprocess.Popen(
            run.command,
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )
        try:
            process.wait(timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            written.write(f"ended after {RUN_SECONDS} s\n")
        finally:
            # It and what it started, which is the group of its own.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def told(client, situation, served, sent):
    """What the client tells of the requests that the provider served, in their order. `sent` is all it posted, where
    that decides."""
    for row, following in zip(served, [*served[1:], None]):
        is_repeated = following is not None and following["turn"] == row["turn"] and row["status"] != 200
        if row["status"] in client.untold.get(situation, ()) or client.tells_last and is_repeated:
            continue
        sign = row["answer"] if row["status"] == 200 else f"planned {row['status']}"
        if sent is None or any(sign in text for text in sent):
            yield row


def event(client, row):
    """What should be counted of a request that the provider served."""
    tokens, sums, model = row["tokens"], Sums(requestCount=1), row["model"]
    if row["status"] != 200:
        is_client_error = row["status"] == 400 and not client.without_status
        sums.clientErrorCount, sums.errorCount = int(is_client_error), int(not is_client_error)
        model = client.failed_model or model
    else:
        without = client.without.get(model, ())
        told = {kind: 0 if kind in without else count for kind, count in tokens.items()}
        sums.inputTokens, sums.outputTokens = told["input"], told["output"]
        sums.cachedTokens, sums.reasoningTokens = told["cached"], told["reasoning"]
        sums.cost = models.cost(row["model"], told)
    return Event(None, client.person, "default", model, None, sums)
