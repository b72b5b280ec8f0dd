"""Two nodes ship to the same two ClickHouse servers, one server answers for both, and organizations move between the shards
while nodes, servers and the command that asked for it are killed.

ROLLCALL says where the program is; ENGINE, CLICKHOUSE and SEED are as in answers.py.
"""

import json
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
from pathlib import Path

import servers
from answers import HOUSE, OPERATOR, ROLLCALL, WAIT_S, Server, check, current, events, fill, question, same

FIRST = [f"org{number}" for number in range(4)]
SECOND = [f"other{number}" for number in range(3)]


def command(*arguments):
    environment = {**os.environ, "ROLLCALL_TOKEN": OPERATOR, "ROLLCALL_OPERATOR_TOKEN": OPERATOR}
    return subprocess.Popen([ROLLCALL, *map(str, arguments)], env=environment, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)


def ends(process, code, *words):
    text, _ = process.communicate(timeout=180)
    check(text, process.returncode, code)
    for word in words:
        check(f"'{text}' says {word}", word in text, True)


def until(what, is_so, within=WAIT_S):
    deadline = time.monotonic() + within
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit(f"it is never so that {what}")
        time.sleep(0.05)


def as_of(reader, organization):
    return json.loads(reader.ask("GET", f"/analytics/activity?organizationId={organization}")[2]).get("asOf")


def place(shards, organization):
    """Where a shard that answers says that an organization is."""
    for shard in shards:
        try:
            rows = shard.ask("SELECT value FROM rollcall.records_local FINAL WHERE organization = '' AND node = '' "
                             f"AND kind = 'place' AND key = '{organization}'")
            return rows[0][0] if rows else ""
        except (urllib.error.URLError, ConnectionError):
            continue
    return ""


def requests(shard, organization):
    rows = shard.ask(f"SELECT sum(requests) FROM rollcall.usage_local FINAL WHERE organization = '{organization}'")
    return int(rows[0][0])


class Asking:
    """Somebody who asks about days that are over, again and again: the answer is the same, or 503."""

    def __init__(self, node, reader, organization):
        self.reader, self.path = reader, f"/analytics/activity?organizationId={organization}&from=2026-01-01&groupBy=apiKey"
        self.path += f"&to={time.strftime('%Y-%m-%d', time.gmtime(time.time() - 3 * 86_400))}"
        self.truth, self.statuses, self.is_over = node.ask("GET", self.path)[2], {}, False
        self.thread = threading.Thread(target=self.ask)
        self.thread.start()

    def ask(self):
        while not self.is_over:
            status, _, body = self.reader.ask("GET", self.path)
            if status == 200 and body != self.truth:
                status = f"another answer: {body[:300]}"
            self.statuses[status] = self.statuses.get(status, 0) + 1

    def ended(self):
        self.is_over = True
        self.thread.join()
        check(f"answers are the same or 503: {self.statuses}", set(self.statuses) <= {200, 503}, True)
        return self.statuses


def two_nodes(folder, first, second, reader, ship_to, chance):
    for node, organizations in ((first, FIRST), (second, SECOND)):
        current(node, reader, organizations)
        for _ in range(30):
            same(node, reader, question(chance, organizations).replace("nowhere", organizations[0]))
    print("two nodes: one server answers for both as each does", flush=True)

    second.stop()
    # What it said last is seen by then.
    time.sleep(5)
    still, before = as_of(reader, SECOND[0]), as_of(reader, FIRST[0])
    until("the first node's is asked up to later", lambda: as_of(reader, FIRST[0]) > before, 10)
    check("that of one that has stopped stays", as_of(reader, SECOND[0]), still)
    second.start()
    until("it goes on with its node", lambda: as_of(reader, SECOND[0]) > still, 20)
    print("asOf: of each organization its own node's", flush=True)

    before = first.ask("GET", f"/analytics/activity?organizationId={FIRST[1]}&to=2026-10-31&from=2026-01-01")[2]
    second.change("POST", "/v1/events", events(chance, 50, [FIRST[1]]))
    until("the second says that it is refused", lambda: b"rollcall_ship_refused_organizations 1" in second.ask("GET", "/metrics")[2])
    time.sleep(3)
    current(first, reader, FIRST)
    check("nothing of it came", first.ask("GET", f"/analytics/activity?organizationId={FIRST[1]}&to=2026-10-31&from=2026-01-01")[2], before)
    backup, copy = folder / "backup.redb", folder / "copy"
    ends(command("backup", backup, "--data-dir", folder / "second"), 0)
    copy.mkdir()
    shutil.copy(backup, copy / "rollcall.redb")
    ends(command("serve", "--data-dir", copy, "--listen", "127.0.0.1:0", "--ship-to", ship_to), 2, "shipped already",
         f"http://127.0.0.1:{second.port}")
    print("another's organization, and a copy of a store: refused", flush=True)


def moves(shards, first, second, reader, ship_to, chance):
    move = ["cluster", "move", ship_to, "--organization"]
    ends(command(*move, FIRST[0], "--to-shard", 3), 2, "allowed are 1 to 2")
    ends(command(*move, "nowhere", "--to-shard", 1), 2, "no node ships an organization 'nowhere'")
    for node, organization, others in ((first, FIRST[0], FIRST), (second, SECOND[0], SECOND)):
        home = 0 if requests(shards[0], organization) else 1
        ends(command(*move, organization, "--to-shard", home + 1), 0, f"is on shard {home + 1}")

        # Nothing dies.
        asking, started = Asking(node, reader, organization), time.monotonic()
        ends(command(*move, organization, "--to-shard", 2 - home), 0, f"is on shard {2 - home}")
        took = time.monotonic() - started
        check("nothing is left", requests(shards[home], organization), 0)
        node.change("POST", "/v1/events", events(chance, 200, [organization], ago=3_600_000))
        current(node, reader, others)
        check("what comes later is nowhere else", requests(shards[home], organization), 0)
        print(f"{organization} moved in {took:.1f} s; meanwhile {asking.ended()}", flush=True)

        # Back, while the node is killed wherever it is, and whoever asked for it.
        asking, deaths = Asking(node, reader, organization), 0
        for wait in (0.3, 1.1, 1.7, 2.3, 3.1, 4.3):
            asked = command(*move, organization, "--to-shard", home + 1)
            time.sleep(wait * chance.random() * 2)
            where = place(shards, organization)
            node.kill()
            asked.kill()
            asked.communicate()
            deaths += 1
            node.start()
            node.change("POST", "/v1/events", events(chance, 50, [organization], ago=3_600_000))
            print(f"  killed: {where or 'before'}", flush=True)
            if where == f"at {home + 1}":
                break
        ends(command(*move, organization, "--to-shard", home + 1), 0)
        check("nothing is left", requests(shards[1 - home], organization), 0)
        current(node, reader, others)
        print(f"{organization} moved back over {deaths} deaths; meanwhile {asking.ended()}", flush=True)

    # And while shards are killed.
    organization, home = FIRST[0], 0 if requests(shards[0], FIRST[0]) else 1
    for shard in (1 - home, home):
        asking = Asking(first, reader, organization)
        asked = command(*move, organization, "--to-shard", 2 - home)
        until("it is copied, or has gone", lambda: place(shards, organization) not in ("", f"at {home + 1}"))
        shards[shard].kill()
        time.sleep(1)
        shards[shard].start()
        asked.communicate(timeout=180)
        ends(command(*move, organization, "--to-shard", 2 - home), 0)
        check("nothing is left", requests(shards[home], organization), 0)
        current(first, reader, FIRST)
        print(f"{organization} moved while shard {shard + 1} was killed; meanwhile {asking.ended()}", flush=True)
        home = 1 - home
    for node, organizations in ((first, FIRST), (second, SECOND)):
        for _ in range(20):
            same(node, reader, question(chance, organizations).replace("nowhere", organizations[0]))
        ends(command("cluster", "audit", ship_to, "--url", f"http://127.0.0.1:{node.port}"), 0, "has what the server has")


def main():
    chance, folder = random.Random(int(os.environ.get("SEED", "7"))), Path(tempfile.mkdtemp(prefix="rollcall-nodes-"))
    running, shards = [], []

    def started(*arguments):
        running.append(Server(folder, *arguments))
        return running[-1]

    try:
        shards = servers.start(folder, os.environ.get("CLICKHOUSE_CACHE", HOUSE / "target/cluster"))
        ship_to, read = (servers.address(shards, user=f"rollcall_{user}") for user in ("ship", "read"))
        ends(command("cluster", "init", servers.address(shards, user="rollcall_init")), 0)
        first = started("first", ["--data-dir", folder / "first", "--ship-to", ship_to])
        second = started("second", ["--data-dir", folder / "second", "--ship-to", ship_to])
        fill(first, chance, FIRST)
        fill(second, chance, SECOND)
        reader = started("reader", ["--answers-from", read])
        two_nodes(folder, first, second, reader, ship_to, chance)
        moves(shards, first, second, reader, ship_to, chance)
        for server in running:
            server.stop()
        print("both nodes' organizations are where they were asked to be, and whole", flush=True)
    finally:
        for server in running:
            if server.process.poll() is None:
                server.process.kill()
        for shard in shards:
            if shard.process and shard.process.poll() is None:
                shard.kill()
        if not os.environ.get("KEEP"):
            shutil.rmtree(folder, ignore_errors=True)


main()
