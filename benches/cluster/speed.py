"""What a cluster costs, and what it gives: a node, the 26.9 engine (chdb) and a server that answers, all on this machine.

`make speed-cluster` builds what it needs. STORE is the workload `large` of benches/workload.rs, which every bench about it
makes under target/bench; ROLLCALL says where the program is.

speed.py STORE [questions] [ingest]
"""

import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
sys.path.append(str(HOUSE / "tests/cluster"))
os.environ["ENGINE"] = "chdb"
os.environ.setdefault("ROLLCALL", str(HOUSE / "target/release/rollcall"))
import servers
from answers import OPERATOR, ROLLCALL, Server, check

RUNS = 9
ROUNDS = 5
EVENTS = 1_000_000
BATCH, CONNECTIONS = 1000, 2
STEADY_PER_S, STEADY_S = 100_000, 30

# The year of `large` in days of Paris, and the same numbers by hand: three measures of every day and group by mode, and of
# the year all eleven counts and whose keys they are.
YEAR = "organizationId=northwind&from=2025-11-01&to=2026-10-31&timezone=Europe/Paris"
ROWS = ("FROM rollcall.usage_local FINAL WHERE organization = 'northwind' AND at >= toDateTime('2025-11-01 00:00:00', "
        "'Europe/Paris') AND at < toDateTime('2026-11-01 00:00:00', 'Europe/Paris') AND requests > 0")
THREE = ("requests", "total_tokens")
ELEVEN = (*THREE, "input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens", "errors",
          "client_errors", "cache_hits", "unpriced")
END = "SETTINGS do_not_merge_across_partitions_select_final = 1 FORMAT RowBinary"


def by(columns, counts, more=""):
    sums = ", ".join(f"sum(toDecimal128({count}, 0))" for count in counts)
    return f"SELECT {columns}, {sums}, sum(cost){more} {ROWS} GROUP BY {columns.replace(DAY, 'day')} {END}"


DAY = "toDate(at, 'Europe/Paris') AS day"
OF_THE_YEAR = by("mode", ELEVEN, ", groupUniqArray(api_key)")
# Of each question what it is called, how it is asked of Rollcall and of ClickHouse, and how many times as long it may take.
QUESTIONS = [(f"a year by {name}", f"/analytics/activity?{YEAR}&groupBy={group}",
              [by(f"{DAY}, {column}, mode", THREE), OF_THE_YEAR], most)
             for name, group, column, most in (("project", "project", "project", "at most 1.3"),
                                               ("model", "model", "model", "at most 1.3"),
                                               ("API key", "apiKey", "api_key", "at most 1.5"))]
MEMBERS = by("api_key, mode", (*THREE, "errors", "client_errors"))
QUESTIONS += [("the members of a year", f"/analytics/members?{YEAR}", [MEMBERS], "under 200 ms"),
              ("the members of a month", f"/analytics/members?{YEAR}".replace("2025-11-01", "2026-10-01"),
               [MEMBERS.replace("2025-11-01", "2026-10-01")], "under 200 ms")]


def row(*cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def timed(work):
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def ask_bytes(shard, sql):
    headers = {"X-ClickHouse-User": servers.TESTER, "X-ClickHouse-Key": servers.PASSWORD}
    request = urllib.request.Request(f"http://{shard.host}:{shard.http}/?wait_end_of_query=1", sql.encode(), headers)
    with urllib.request.urlopen(request, timeout=600) as answer:
        return answer.read()


def complete_to(shard):
    """Up to which moment all that was acknowledged is in the cluster, in Unix seconds; 0 before a first time."""
    return int(shard.ask("SELECT max(committed_at_ms) FROM rollcall.nodes_local FINAL")[0][0]) / 1000


def wait_until_complete(shard, moment):
    while complete_to(shard) < moment:
        time.sleep(0.1)


def anew(shard):
    shard.ask("DROP DATABASE IF EXISTS rollcall")
    address = servers.address([shard], user="rollcall_init")
    subprocess.run([ROLLCALL, "cluster", "init", address], check=True, stdout=subprocess.DEVNULL)


def on_disk(shard):
    rows, size = shard.ask("SELECT sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'usage_local'")[0]
    return int(rows), f"{int(rows):,} rows, {int(size) / int(rows):.0f} bytes each"


def questions(folder, store, shard, ship_to, read):
    anew(shard)
    (folder / "large").mkdir()
    shutil.copy(store, folder / "large/rollcall.redb")
    started = time.time()
    node = Server(folder, "large", ["--data-dir", folder / "large", "--ship-to", ship_to])
    wait_until_complete(shard, started)
    rows, size = on_disk(shard)
    row("a first load", f"{rows / (time.time() - started):,.0f} rows/s", "", "")
    row("on disk", size, "", "")
    shard.ask("OPTIMIZE TABLE rollcall.usage_local FINAL")
    row("on disk, merged", on_disk(shard)[1], "", "")
    reader = Server(folder, "reader", ["--answers-from", read])
    reader.wait(QUESTIONS[0][1])
    ask_both(shard, node, reader)
    reader.stop()
    node.stop()


def ask_both(shard, node, reader):
    for name, path, by_hand, wanted in QUESTIONS:
        reader.wait(path)
        check(f"{name}: the reader's answer is the node's", reader.ask("GET", path)[2] == node.ask("GET", path)[2], True)
        ours, bare = [], []
        for _ in range(RUNS):
            bare.append(timed(lambda: [ask_bytes(shard, sql) for sql in by_hand]))
            ours.append(timed(lambda: check(name, reader.ask("GET", path)[0], 200)))
        ours, bare = statistics.median(ours), statistics.median(bare)
        row(name, f"{ours:.0f} ms", f"{bare:.0f} ms", f"{ours / bare:.2f} ({wanted})")


def batches(chance):
    """Bodies of a request, whose ids are made others by their number: 100 organizations of 20 keys and 10 models, now."""
    for _ in range(20):
        events = []
        for number in range(BATCH):
            of, key, model = chance.randrange(100), chance.randrange(20), chance.randrange(10)
            events.append({
                "id": f"req_########_{number}", "timestamp": int(time.time() * 1000) - chance.randrange(60_000),
                "organizationId": f"org-{of}", "projectId": f"project-{key % 4}", "apiKeyId": f"key-{key}",
                "usedModel": f"openai/model-{model}", "source": f"app-{key % 8}", "promptTokens": chance.randrange(2000),
                "completionTokens": chance.randrange(500), "cost": f"0.00{chance.randrange(10_000)}", "streamed": True})
        yield json.dumps(events, separators=(",", ":")).encode()


class Sending:
    """Sends events on some connections: as fast as they are taken, or so many a second."""

    def __init__(self, node, bodies, count, per_s=None, first=0):
        self.node, self.bodies, self.per_s, self.first, self.next = node, bodies, per_s, first, first
        self.end = first + count // BATCH
        self.lock, self.started = threading.Lock(), time.monotonic()
        self.threads = [threading.Thread(target=self.send) for _ in range(CONNECTIONS)]
        for thread in self.threads:
            thread.start()

    def send(self):
        stream = socket.create_connection(("127.0.0.1", self.node.port))
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            with self.lock:
                number, self.next = self.next, self.next + 1
            if number >= self.end:
                return
            if self.per_s:
                time.sleep(max(0, self.started + (number - self.first) * BATCH / self.per_s - time.monotonic()))
            body = self.bodies[number % len(self.bodies)].replace(b"########", b"%08d" % number)
            head = (f"POST /v1/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {OPERATOR}\r\n"
                    f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n")
            stream.sendall(head.encode() + body)
            answer = b""
            while not answer.endswith(b"}"):
                answer += stream.recv(65536)
            check("all are taken", f'"accepted":{BATCH},"duplicates":0'.encode() in answer, True)

    def per_second(self):
        for thread in self.threads:
            thread.join()
        return (self.end - self.first) * BATCH / (time.monotonic() - self.started)


def ingest(folder, shard, ship_to):
    bodies = list(batches(random.Random(7)))
    rates = {True: [], False: []}
    for number in range(2 * ROUNDS):
        ships = number % 2 == 1
        with node_of(folder, shard, ship_to if ships else None, bodies) as node:
            rates[ships].append(Sending(node, bodies, EVENTS, first=len(bodies)).per_second())
    shipping, alone = (statistics.median(rates[ships]) for ships in (True, False))
    row("events taken", f"{shipping:,.0f}/s", f"{alone:,.0f}/s without shipping", f"{shipping / alone:.2f} (at least 0.9)")

    with node_of(folder, shard, ship_to, bodies) as node:
        sending, lags = Sending(node, bodies, STEADY_PER_S * STEADY_S, STEADY_PER_S, len(bodies)), []
        while any(thread.is_alive() for thread in sending.threads):
            lags.append(time.time() - complete_to(shard))
            time.sleep(0.2)
        rate, ended = sending.per_second(), time.time()
        wait_until_complete(shard, ended)
        row(f"lag at {rate:,.0f} events/s for {STEADY_S} s", f"{statistics.median(lags):.1f} s", f"{max(lags):.1f} s at most", "(5 s)")
        row("all of it there", f"{time.time() - ended:.1f} s after the last", "", "")


@contextmanager
def node_of(folder, shard, ship_to, bodies):
    """A node that knows the organizations; where it ships to, they are in the cluster."""
    anew(shard)
    directory = Path(tempfile.mkdtemp(dir=folder))
    node = Server(folder, "node", ["--data-dir", directory] + (["--ship-to", ship_to] if ship_to else []))
    try:
        Sending(node, bodies, len(bodies) * BATCH).per_second()
        if ship_to:
            wait_until_complete(shard, time.time())
        yield node
        node.stop()
    finally:
        node.process.kill()
        shutil.rmtree(directory)


def main():
    store, parts = sys.argv[1], sys.argv[2:] or ["questions", "ingest"]
    folder, shards = Path(tempfile.mkdtemp(prefix="rollcall-speed-")), []
    try:
        shards = servers.start(folder, folder, 1)
        ship_to, read = (servers.address(shards, user=f"rollcall_{user}") for user in ("ship", "read"))
        row("", "Rollcall", "beside it", "ratio (wanted)")
        row("---", "---", "---", "---")
        if "questions" in parts:
            questions(folder, store, shards[0], ship_to, read)
        if "ingest" in parts:
            ingest(folder, shards[0], ship_to)
    finally:
        for shard in shards:
            shard.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
