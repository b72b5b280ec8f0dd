"""LiteLLM's proxy: how it is started, what is asked of it, and what should have been counted of that."""

import hashlib
import http.client
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import provider
from recorder import BUSY, LOSE, PASS
from rollcall import Event, Sums

HERE = Path(__file__).resolve().parent
FORMATS = ["json_array", "ndjson", "single"]
# Every batch is sent twice or three times.
FATES = {"json_array": [LOSE, PASS], "ndjson": [BUSY, LOSE, PASS], "single": [LOSE, BUSY, PASS]}
# Whose keys, see litellm_auth.py: user and team.
KEYS = {
    "sk-alice-web": ("alice", "search"),
    "sk-alice-cli": ("alice", "data"),
    "sk-bob-batch": ("bob", "data"),
    "sk-nightly": (None, "default"),
}
USERS = {"alice": "alice@acme.example", "bob": "bob@acme.example"}
REFUSED = "sk-of-nobody"
AGENT = "clients-test/1"
START_SECONDS = 180
# LiteLLM sends every 5 seconds; when it has sent nothing for that long, it has nothing left.
QUIET_SECONDS = 11


@dataclass
class Call:
    """One request to the proxy. `name` is its id there and with the provider."""

    name: str
    key: str
    app: str | None
    model: str
    plan: dict
    path: str = "/v1/chat/completions"
    extra: dict = field(default_factory=dict)
    # plain, hit (of the proxy's cache), retried, fallback, refused or hangup
    kind: str = "plain"
    call_id: str | None = None

    @property
    def id(self):
        return self.call_id or self.name


def calls(key):
    """What is asked with a key: the same kinds of calls for each, in other numbers."""
    n = 100 * list(KEYS).index(key)

    def call(name, app, model, path="/v1/chat/completions", kind="plain", call_id=None, of=None, extra=None, **plan):
        name = f"{key}-{name}"
        plan = {"call": f"{key}-{of}" if of else name, **plan}
        call_id = call_id and f"{key}-{call_id}"
        return Call(name, key, app, model, plan, path, extra or {}, kind, call_id)

    stream = {"stream": True}
    told = {"stream": True, "stream_options": {"include_usage": True}}
    messages = {"path": "/v1/messages", "extra": {"max_tokens": 100}}
    for i in range(5):
        yield call(f"chat-{i}", "web", "gpt-4o-mini", input=700 + n + i, output=30 + i)
    yield call("cached", "web", "gpt-4o-mini", input=2000 + n, cached=1500, output=11)
    yield call("reasoned", "research", "o4-mini", input=300 + n, output=900, reasoning=700)
    yield call("stream", "research", "gpt-4o-mini", extra=told, input=410 + n, cached=128, output=77)
    # LiteLLM asks for the usage by itself. Where the provider does not tell, it guesses.
    yield call("unasked", "research", "gpt-4o-mini", extra=stream, input=710 + n, output=33)
    yield call("guessed", "research", "gpt-4o-mini", extra=stream, mute=True)
    yield call("embedded", "web", "text-embedding-3-small", path="/v1/embeddings", input=90 + n)
    yield call("responded", None, "gpt-4o-mini", path="/v1/responses", input=55 + n, cached=5, output=8)
    yield call("claude", "ide", "sonnet", input=5000 + n, cached=3000, write=1000, output=250)
    yield call("claude-stream", "ide", "sonnet", extra=told, input=600 + n, cached=100, write=200, output=25)
    yield call("messages", "ide", "sonnet", **messages, input=4000 + n, cached=2000, write=500, output=125)
    streamed = {"path": "/v1/messages", "extra": {"max_tokens": 100, "stream": True}}
    yield call("messages-stream", "ide", "sonnet", **streamed, input=800 + n, write=300, output=50)
    # Each provider by the other's API.
    yield call("messages-openai", "ide", "gpt-4o-mini", **messages, input=150 + n, cached=20, output=15)
    yield call("responses-claude", None, "sonnet", path="/v1/responses", input=450 + n, cached=40, output=45)
    yield call("own", "web", "own", input=120 + n, output=12)
    for status in (400, 429, 500):
        yield call(f"failed-{status}", "web", "gpt-4o-mini", status=status)
    yield call("messages-failed", "ide", "sonnet", **messages, status=500)
    yield call("retried", "web", "gpt-4o-mini", kind="retried", extra={"num_retries": 2}, status=429)
    fails = {"o4-mini": 500}
    yield call("fallback", "web", "fallible", kind="fallback", fails_on=fails, input=210 + n, output=21)
    for i in range(2):
        yield call(f"twin-{i}", "web", "gpt-4o-mini", call_id="twin", input=64, output=4)
    yield call("hangup", "web", "gpt-4o-mini", kind="hangup", extra=told, slow=True, input=50, output=52)
    yield call("hit", "web", "gpt-4o-mini", kind="hit", of="chat-0", input=700 + n, output=30)


REFUSAL = Call("refused", REFUSED, "web", "gpt-4o-mini", {"call": "refused"}, kind="refused")


def config(provider_url, recorder_url, tokens):
    """The proxy's configuration. Anything that is valid JSON is valid YAML."""

    def model(name, of, base=provider_url + "/v1"):
        return {"model_name": name, "litellm_params": {"model": of, "api_key": "sk-provider", "api_base": base}}

    callbacks = {
        name: {
            "callback_type": "generic_api",
            "endpoint": f"{recorder_url}/{name}/v1/ingest/litellm",
            "headers": {"Authorization": f"Bearer {tokens[name]}"},
            "log_format": name,
            "max_retries": 3,
            "retry_delay": 0.02,
        }
        for name in FORMATS
    }
    return {
        "model_list": [
            model("gpt-4o-mini", "openai/gpt-4o-mini"),
            model("o4-mini", "openai/o4-mini"),
            model("text-embedding-3-small", "openai/text-embedding-3-small"),
            model("sonnet", "anthropic/claude-sonnet-4-5-20250929", provider_url),
            model("own", "openai/own-model"),
            model("fallible", "openai/o4-mini"),
        ],
        "litellm_settings": {
            "callbacks": FORMATS,
            "fallbacks": [{"fallible": ["gpt-4o-mini"]}],
            "cache": True,
            "cache_params": {"type": "local"},
            "num_retries": 0,
        },
        "callback_settings": callbacks,
        "router_settings": {"disable_cooldowns": True, "num_retries": 0},
        "general_settings": {
            "custom_auth": "litellm_auth.user_api_key_auth",
            "master_key": f"sk-{secrets.token_hex(24)}",
        },
    }


@contextmanager
def proxy(settings, directory, log):
    """A proxy that answers. Gives its port."""
    path = directory / "config.yaml"
    path.write_text(json.dumps(settings, indent=1))
    shutil.copy(HERE / "litellm_auth.py", directory)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "DISABLE_ADMIN_UI": "True",
        "NO_PROXY": "127.0.0.1",
    }
    command = [Path(sys.executable).parent / "litellm", "--config", path, "--host", "127.0.0.1", "--port", str(port)]
    with open(log, "w") as written:
        process = subprocess.Popen(command, cwd=directory, env=environment, stdout=written, stderr=written)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not is_alive(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"LiteLLM did not start; see {log}")
                time.sleep(0.5)
            yield port
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def is_alive(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/liveliness")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def ask(port, call):
    """Sends one call and reads its answer, of a hang-up only the beginning. Gives the status."""
    text = json.dumps(call.plan)
    takes_messages = call.path in ("/v1/chat/completions", "/v1/messages")
    prompt = {"messages": [{"role": "user", "content": text}]} if takes_messages else {"input": text}
    headers = {
        "authorization": f"Bearer {call.key}",
        "content-type": "application/json",
        "user-agent": AGENT,
        "x-litellm-call-id": call.id,
    }
    body = {"model": call.model, **prompt, **call.extra}
    # Half of the apps say who they are in a header, half in the body.
    if call.app == "research":
        headers["x-litellm-tags"] = "team-tag,app:research"
    elif call.app == "ide":
        headers["x-title"] = "ide"
    elif call.app:
        body["metadata"] = {"tags": [f"app:{call.app}", "other"]}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("POST", call.path, json.dumps(body).encode(), headers)
        answer = connection.getresponse()
        if call.kind == "hangup":
            answer.readline()
        else:
            answer.read()
        return answer.status
    except http.client.HTTPException as error:
        raise SystemExit(f"LiteLLM's answer to {call.name} broke off: {error!r}") from error
    finally:
        connection.close()


def ask_all(port, calls):
    """Asks everything at once, but for hits of the cache, which come last. Fails if an answer has another status than
    was planned."""
    for hits in False, True:
        some = [call for call in calls if (call.kind == "hit") == hits]
        with ThreadPoolExecutor(8) as pool:
            for call, status in zip(some, pool.map(lambda call: ask(port, call), some)):
                expected = 401 if call.kind == "refused" else call.plan.get("status", 200)
                if status != expected:
                    raise SystemExit(f"LiteLLM answered {call.name} with {status}, not {expected}")


def hashed(key):
    """What LiteLLM calls a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def payloads(posts):
    """The payloads that came, each once, with what tells them apart, and how many came again."""
    found, again = {}, 0
    for post in posts:
        text = post.body.decode()
        if text.startswith("["):
            some = json.loads(text, parse_float=Decimal)
        else:
            some = [json.loads(line, parse_float=Decimal) for line in text.splitlines()]
        for payload in some:
            # Who is turned away has no say in the call's id.
            turned_away = payload["metadata"]["user_api_key_hash"] == hashed(REFUSED)
            name = "refused" if turned_away else payload["litellm_call_id"]
            identity = name, payload["status"], payload["startTime"]
            again += identity in found
            found[identity] = payload
    return found, again


def expected(asked, provider_ledger):
    """The events of every call, by the id and status under which LiteLLM reports them."""
    events = {}
    for call in asked:
        served = [row for row in provider_ledger if row["call"] == call.plan["call"]]
        for row in counted(call, served):
            status = "failure" if row["status"] != 200 else "success"
            events.setdefault((call.id, status), []).append((call, row))
    return events


def counted(call, served):
    """Of what the provider served for a call, what the proxy has one event each of."""
    match call.kind:
        case "refused":
            assert not served
            return [{"status": 401, "model": call.model, "tokens": None}]
        case "retried":
            assert [row["status"] for row in served] == [429] * 3, served
            return served[-1:]
        case "fallback":
            assert [row["status"] for row in served] == [500, 200], served
            return served
        case _:
            # A hit of the cache is served what its first call was.
            assert len(served) == 1, (call.name, served)
            return served


def event(call, row, payload):
    """What should be counted. `payload` is asked only for what nobody but LiteLLM can know: its own estimates."""
    user, team = KEYS.get(call.key, (None, "default"))
    tokens = row["tokens"] or dict.fromkeys(provider.KINDS, 0)
    sums = Sums(requestCount=1)
    if row["status"] == 200:
        if row["tokens"] is None or call.kind == "hangup":
            tokens = {**tokens, "input": payload["prompt_tokens"], "output": payload["completion_tokens"]}
            tokens.update(cached=0, write=0, reasoning=0)
        cost = Decimal(0) if call.kind == "hit" else provider.cost(row["model"], tokens)
        sums.unpricedRequestCount = int(cost is None)
        sums.cost = cost or Decimal(0)
        sums.cacheCount = int(call.kind == "hit")
        sums.clientErrorCount = int(call.kind == "hangup")
    elif row["status"] in (400, 401):
        sums.clientErrorCount = 1
    else:
        sums.errorCount = 1
    sums.inputTokens, sums.outputTokens = tokens["input"], tokens["output"]
    sums.cachedTokens, sums.reasoningTokens = tokens["cached"], tokens["reasoning"]
    return Event(hashed(call.key), user, team, row["model"], call.app or AGENT, sums)


def arrived(asked, provider_ledger, posts):
    """The events of what LiteLLM really sent, how many it lost before, and how many it sent again."""
    sent, again = payloads(posts)
    wanted = expected(asked, provider_ledger)
    by_call = {}
    for (call_id, status, _), payload in sorted(sent.items()):
        by_call.setdefault((call_id, status), []).append(payload)
    strangers = by_call.keys() - wanted.keys()
    assert not strangers, f"LiteLLM sent what was not asked: {sorted(strangers)}"
    events = []
    for identity, some in by_call.items():
        pairs = wanted[identity]
        assert len(some) <= len(pairs), f"{identity} was sent {len(some)} times with different starts"
        events += [event(call, row, payload) for (call, row), payload in zip(pairs, some)]
    return events, sum(map(len, wanted.values())) - len(events), again


def wait(recorder, complete):
    """Until everything has come, or LiteLLM has nothing left to send."""
    since = time.monotonic()
    while not complete() and time.monotonic() - max(since, recorder.last) < QUIET_SECONDS:
        time.sleep(0.5)
