"""Runs coding agents and SDKs (clients.py) in two situations, work with a tool and a request that is refused, and says
where what was counted differs from what the provider served, but for what the table says that a client leaves out.
"""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import packages
import provider as models
from clients import CLIENTS, PERSON, SITUATIONS, Run
from recorder import GATEWAY, PASS
from rollcall import Event, Sums

RUN_SECONDS = 180


def channel(client, situation):
    return f"{client.name}-{situation}"


FATES = {
    channel(client, situation): [GATEWAY, PASS] if client.repeats else [PASS]
    for client in CLIENTS
    for situation in SITUATIONS
}


def run(server, recorder, provider, logs, names, latest):
    """Where the answers differ from what was sent, and which clients could not run. Prints which did, and what."""
    differences = []
    for client in [one for one in CLIENTS if one.name in names]:
        log = logs / f"{client.name}-install.log"
        wanted = client.packages
        try:
            if latest:
                wanted = packages.newest(client.registry, client.packages, client.stays, log)
            node = packages.node(logs / "install.log")
            folder = client.registry(f"latest/{client.name}" if latest else client.name, wanted, log)
        except packages.NotInstalled as error:
            differences.append(f"{client.name} was NOT RUN: {error}")
            continue
        found, calls = run_one(server, recorder, provider, logs, client, folder, node)
        version = f" (pinned: {client.packages[0]})" if wanted[0] != client.packages[0] else ""
        print(f"{client.name}, {wanted[0]}{version}: {calls} calls, {len(found)} differences", flush=True)
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
    recorder.settle()
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
