#!/usr/bin/env python3
"""Runs the real senders against the built binary and compares every sum with what they sent, for `make test-clients`.

A provider on 127.0.0.1 (provider.py) answers LiteLLM's proxy (gateway.py), programs with instrumented clients
(programs.py), coding agents and SDKs (clients.py); its ledger is the truth. What they report goes through a recorder
(recorder.py) that keeps what was sent and loses answers, to Rollcall (rollcall.py). Assistants (assistants.py) and
programs that read tables (tables.py) ask it for what was sent. No figure is compared with a tolerance.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import agents
import assistants
import budgets
import gateway
import instrumented
import tables
from provider import Provider
from recorder import Recorder
from rollcall import rollcall

# Who asks, and sends nothing.
ASKING = {"assistants": assistants, "tables": tables}
LOGS = Path(__file__).resolve().parents[2] / "target" / "clients" / "logs"


def main():
    LOGS.mkdir(parents=True, exist_ok=True)
    latest = bool(os.environ.get("LATEST"))
    wanted = sys.argv[1:] or (["agents"] if latest else ["litellm", "budgets", "opentelemetry", "agents", *ASKING])
    names = [client.name for client in agents.CLIENTS]
    allowed = ["litellm", "budgets", "opentelemetry", "agents", *ASKING, *names]
    if unknown := [one for one in wanted if one not in allowed]:
        sys.exit(f"nothing is called {unknown[0]}; there are {', '.join(allowed)}")
    some = names if "agents" in wanted else [name for name in names if name in wanted]
    provider = Provider()
    with rollcall(LOGS / "rollcall.log") as server:
        recorder = Recorder(server.url, {**gateway.FATES, **instrumented.FATES, **agents.FATES})
        differences = []
        if "litellm" in wanted:
            differences += litellm(server, recorder, provider)
        if "budgets" in wanted:
            differences += budgets.run(server, provider, LOGS)
        if "opentelemetry" in wanted:
            differences += instrumented.run(server, recorder, provider, LOGS)
        differences += agents.run(server, recorder, provider, LOGS, some, latest)
        for name, asking in ASKING.items():
            differences += asking.run(server, provider, LOGS) if name in wanted else []
    keep(recorder.posts)
    for difference in differences:
        print(f"DIFFERENT: {difference}")
    if differences:
        sys.exit(f"{len(differences)} differences; logs are in {LOGS}")
    print("every sum is what was sent")


def keep(posts):
    """Writes what was sent beside the logs, for whoever looks for a difference."""
    folder = LOGS / "sent"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for number, post in enumerate(posts):
        kind = "json" if "json" in post.content_type else "pb"
        (folder / f"{number:03}-{post.channel}.{kind}").write_bytes(post.body)


def litellm(server, recorder, provider):
    for name in gateway.FORMATS:
        server.enter(name, gateway.USERS)
    tokens = {name: server.token(organizationId=name, apiKeyId="none") for name in gateway.FORMATS}
    asked, results = [], {}

    def complete():
        for name in gateway.FORMATS:
            results[name] = gateway.arrived(asked, provider.ledger, recorder.arrived(name))
        return all(lost == 0 for _, lost, _ in results.values())

    with tempfile.TemporaryDirectory(prefix="litellm-") as directory:
        settings = gateway.config(provider.url, recorder.url, tokens)
        with gateway.proxy(settings, Path(directory), LOGS / "litellm.log") as port:
            for calls in [*map(gateway.calls, gateway.KEYS), [gateway.REFUSAL]]:
                calls = list(calls)
                gateway.ask_all(port, calls)
                asked += calls
                gateway.wait(recorder, complete)
    complete()
    differences = []
    for name, (events, lost, again) in results.items():
        posts = len(recorder.arrived(name))
        print(f"LiteLLM, {name}: {posts} posts, {len(events)} events, {again} sent again, {lost} lost inside LiteLLM")
        if lost > len(events) or not again:
            differences.append(f"{name}: too little came of it to compare")
        differences += server.differences(name, events)
    return differences


if __name__ == "__main__":
    main()
