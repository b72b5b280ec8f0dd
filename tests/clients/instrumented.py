"""Runs programs with instrumented clients, and says what should have been counted of them."""

import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import provider as models
from recorder import BUSY, GATEWAY, PASS
from rollcall import Event, Sums

HERE = Path(__file__).resolve().parent
ORGANIZATION = "programs"
# Each program runs once for each of them, with a token and an encoding of its own.
PEOPLE = {
    "ada": {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"},
    "ben": {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_EXPORTER_OTLP_COMPRESSION": "none"},
}

OPENAI = ["chat", "cached", "reasoned", "stream", "untold", "embedded", "responded", "failed"]
ANTHROPIC = ["chat", "cached", "stream", "failed"]
# Kinds of calls that each program makes, and what its instrumentation leaves out of its spans.
PROGRAMS = {
    "openllmetry": (OPENAI, ()),
    "openai_v2": (OPENAI, ("cached", "reasoning")),
    "openinference": (OPENAI, ()),
    "logfire": (OPENAI, ("cached", "reasoning")),
    "claude": (ANTHROPIC, ()),
    "claude_sdk": (ANTHROPIC, ()),
    "pydantic_ai": (["chat", "cached", "reasoned", "stream", "failed"], ()),
}
# Which kinds of calls it makes no span of.
UNTRACED = {"openai_v2": ("responded",)}
# Which tell their cost themselves, and so with tokens that they leave out otherwise.
TELL_COST = ("logfire", "pydantic_ai")
# The answer to a program's first post is lost on the way, its second is turned away, its third arrives.
FATES = {f"{program}-{person}": [GATEWAY, BUSY, PASS] for program in PROGRAMS for person in PEOPLE}
SONNET = "claude-sonnet-4-5-20250929"


def calls(program, person):
    """What a program asks, in numbers of its own."""
    kinds = PROGRAMS[program][0]
    n = 1000 * list(PROGRAMS).index(program) + 100 * list(PEOPLE).index(person)
    chat = SONNET if kinds is ANTHROPIC else "gpt-4o-mini"

    def call(kind, model, api="chat", told=True, **plan):
        name = f"{program}-{person}-{kind}"
        return {"kind": kind.split("-")[0], "model": model, "api": api, "told": told, "plan": {"call": name, **plan}}

    made = [call(f"chat-{i}", chat, input=500 + n + i, output=20 + i) for i in range(3)]
    written = {"write": 400} if chat == SONNET else {}
    made += [
        call("cached", chat, input=3000 + n, cached=1024, output=31, **written),
        call("reasoned", "o4-mini", input=200 + n, output=640, reasoning=512),
        call("stream", chat, "stream", input=900 + n, cached=256, output=44, **written),
        call("untold", chat, "stream", told=False, input=700, output=30),
        call("embedded", "text-embedding-3-small", "embeddings", input=75 + n),
        call("responded", "gpt-4o-mini", "responses", input=333 + n, cached=64, output=17, reasoning=9),
    ]
    made += [call(f"failed-{status}", chat, status=status) for status in (400, 429, 500)]
    return [one for one in made if one["kind"] in kinds]


def event(program, person, call, row):
    """What should be counted of a call that the provider served."""
    tokens, sums = row["tokens"], Sums(requestCount=1)
    if row["status"] == 400:
        sums.clientErrorCount = 1
    elif row["status"] != 200:
        sums.errorCount = 1
    elif tokens is None:
        sums.unpricedRequestCount = 1
    else:
        told = {kind: 0 if kind in PROGRAMS[program][1] else count for kind, count in tokens.items()}
        sums.inputTokens, sums.outputTokens = told["input"], told["output"]
        sums.cachedTokens, sums.reasoningTokens = told["cached"], told["reasoning"]
        sums.cost = models.cost(call["model"], tokens if program in TELL_COST else told)
    return Event(f"key-{person}", person, "research", row["model"], f"app-{program}", sums)


def run(server, recorder, provider, logs):
    server.enter(ORGANIZATION, {name: f"{name}@acme.example" for name in PEOPLE})
    keys = [{"id": f"key-{name}", "projectId": "research", "createdBy": name} for name in PEOPLE]
    projects = [{"id": "research", "organizationId": ORGANIZATION, "name": "Research"}]
    server.ask("PUT", "/v1/directory", {"projects": projects, "apiKeys": keys})
    tokens = {name: server.token(organizationId=ORGANIZATION, apiKeyId=f"key-{name}") for name in PEOPLE}
    runs = [(program, person) for program in PROGRAMS for person in PEOPLE]
    events, kinds = [], Counter()
    with ThreadPoolExecutor(4) as pool:
        # Gives what the programs raise, too.
        for _ in pool.map(lambda run: start(*run, tokens[run[1]], recorder.url, provider.url, logs), runs):
            pass
    for program, person in runs:
        for call in calls(program, person):
            rows = provider.served(call["plan"]["call"])
            assert len(rows) == 1, (call, rows)
            if call["kind"] not in UNTRACED.get(program, ()):
                events.append(event(program, person, call, rows[0]))
        posts = [post for post in recorder.arrived(f"{program}-{person}") if post.path.endswith("/traces")]
        times = Counter(post.body for post in posts)
        assert set(times.values()) == {2}, f"{program} sent its spans {list(times.values())} times"
        kinds.update((post.content_type, post.encoding) for post in posts)
    print(f"OpenTelemetry: {len(runs)} programs, {len(events)} calls, all sent twice")
    print("posts of spans: " + ", ".join(f"{count} {kind} {encoding}" for (kind, encoding), count in kinds.items()))
    return server.differences(ORGANIZATION, events)


def start(program, person, token, recorder_url, provider_url, logs):
    """Runs one program to its end."""
    environment = {
        **os.environ,
        **PEOPLE[person],
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"{recorder_url}/{program}-{person}/v1/otlp",
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{token}",
        "OTEL_SERVICE_NAME": f"app-{program}",
        "OTEL_RESOURCE_ATTRIBUTES": "team.id=research",
        # Everything in one post, when the program ends.
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
        "PROVIDER_URL": provider_url,
    }
    command = [sys.executable, HERE / "programs.py", program]
    asked = json.dumps(calls(program, person))
    with open(logs / f"{program}-{person}.log", "w") as log:
        done = subprocess.run(command, env=environment, input=asked, text=True, stdout=log, stderr=log, timeout=300)
    if done.returncode != 0:
        raise SystemExit(f"{program} failed; see {log.name}")
