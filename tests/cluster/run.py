"""A server ships to two real ClickHouse servers, while it and they are killed, restored and copied.

After each step the cluster's tables have what the server answers. ROLLCALL says where the program is, CLICKHOUSE where
clickhouse-server is; without it Debian's packages are fetched by apt-get and unpacked below target/cluster.
"""

import csv
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from decimal import Decimal
from pathlib import Path

import servers

HOUSE = Path(__file__).resolve().parents[2]
OPERATOR = "operator-token-of-the-cluster"
ROLLCALL = os.environ.get("ROLLCALL", str(HOUSE / "target/ci/rollcall"))
WAIT_S = 60
DAY_MS = 86_400_000
COUNTS = ["requestCount", "totalTokens", "inputTokens", "outputTokens", "cachedTokens", "cacheWriteTokens",
          "reasoningTokens", "errorCount", "clientErrorCount", "cacheCount", "unpricedRequestCount"]
COLUMNS = ["requests", "total_tokens", "input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens",
           "reasoning_tokens", "errors", "client_errors", "cache_hits", "unpriced"]


def check(what, given, expected):
    if given != expected:
        sys.exit(f"{what}: {given}, not {expected}")


def command(*arguments, code, says=()):
    environment = {**os.environ, "ROLLCALL_TOKEN": OPERATOR}
    done = subprocess.run([ROLLCALL, *map(str, arguments)], capture_output=True, text=True, timeout=60, env=environment)
    text = done.stdout + done.stderr
    check(f"{arguments}: {text}", done.returncode, code)
    for word in says:
        check(f"{arguments} says '{word}': {text}", word in text, True)
    check("a password is in no text", servers.PASSWORD in text, False)
    return text


class Node:
    """A server that ships."""

    def __init__(self, directory, ship_to):
        self.directory, self.ship_to, self.port = directory, ship_to, servers.free_port()
        self.process = None

    def begin(self):
        environment = {**os.environ, "ROLLCALL_OPERATOR_TOKEN": OPERATOR, "ROLLCALL_SHIP_TO": self.ship_to}
        self.log = open(f"{self.directory}.log", "a")
        arguments = ["serve", "--data-dir", self.directory, "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen([ROLLCALL, *map(str, arguments)], env=environment, stderr=self.log)

    def start(self):
        self.begin()
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.ask("GET", "/readyz")
                return self
            except urllib.error.URLError:
                time.sleep(0.05)
        sys.exit(f"the server did not start: {Path(self.log.name).read_text()}")

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def stop(self):
        started = time.monotonic()
        self.process.terminate()
        check("it stops as it should", self.process.wait(20), 0)
        check("within ten seconds", time.monotonic() - started < 10, True)

    def ask(self, method, path, body=None):
        headers = {"authorization": f"Bearer {OPERATOR}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def send(self, events):
        answer = json.loads(self.ask("POST", "/v1/events", events))
        check(f"events are taken: {answer}", answer["rejected"], [])

    def metric(self, name):
        for line in self.ask("GET", "/metrics").splitlines():
            if line.startswith(name + " "):
                return int(line.split()[1])
        return None

    def usage(self, organizations):
        """What it answers: by organization, day and every dimension the sums."""
        found = {}
        for organization in organizations:
            path = f"/analytics/export?organizationId={organization}&from=2026-01-01&to=2026-12-31&granularity=day"
            try:
                text = self.ask("GET", path)
            except urllib.error.HTTPError as error:
                # One that a backup has not.
                check(f"{organization} is there or is not", error.code, 404)
                continue
            for row in csv.DictReader(io.StringIO(text)):
                key = (organization, row["date"], *(row[name] for name in (
                    "projectId", "apiKeyId", "model", "provider", "source", "mode", "costSource")))
                add(found, key, [int(row[name]) for name in COUNTS], Decimal(row["cost"]))
        return found


def add(found, key, counts, cost):
    known = found.setdefault(key, [[0] * len(counts), Decimal(0)])
    known[0] = [a + b for a, b in zip(known[0], counts)]
    known[1] += cost


def shipped(shards, organizations, node=None):
    """The same as the shards have it."""
    found = {}
    sums = ", ".join(f"sum(toDecimal128({name}, 0))" for name in COLUMNS)
    named = ", ".join(f"'{name}'" for name in organizations)
    sources, modes = ["reported", "priced", "unpriced", "unpriced", "priced"], ["credits", "api-keys"]
    for shard in shards:
        rows = shard.ask(
            f"SELECT organization, toDate(at), project, api_key, model, provider, source, mode, cost_source, {sums}, "
            f"sum(cost), any(node), uniqExact(node) FROM rollcall.usage_local FINAL WHERE organization IN ({named}) "
            "GROUP BY organization, toDate(at), project, api_key, model, provider, source, mode, cost_source "
            "HAVING sum(requests) > 0")
        for row in rows:
            check("an organization is of one node", row[-1], "1")
            if node and row[-2] != node:
                continue
            key = (*row[:7], modes[int(row[7])], sources[int(row[8])])
            add(found, key, [int(value) for value in row[9:20]], Decimal(row[20]))
    return found


def level(what, node, shards, organizations, within=WAIT_S):
    """Waits until the cluster has what the server answers."""
    deadline, started = time.monotonic() + within, time.monotonic()
    while True:
        truth, found = node.usage(organizations), shipped(shards, organizations)
        if truth == found:
            print(f"{what}: {len(found)} sums of days are the same, after {time.monotonic() - started:.1f} s", flush=True)
            return found
        if time.monotonic() > deadline:
            lacks = {key: value for key, value in truth.items() if found.get(key) != value}
            more = {key: value for key, value in found.items() if truth.get(key) != value}
            log = Path(node.log.name).read_text()[-3000:]
            sys.exit(f"{what}: the node has {list(lacks.items())[:3]}, the cluster {list(more.items())[:3]}\n{log}")
        time.sleep(0.3)


class Senders:
    def __init__(self, seed):
        self.random, self.number, self.now = random.Random(seed), 0, int(time.time() * 1000)

    def event(self, organization, **more):
        self.number += 1
        event = {
            "id": f"e{self.number}", "organizationId": organization, "projectId": f"p{self.random.randrange(3)}",
            "apiKeyId": f"k{self.random.randrange(12)}", "usedModel": self.random.choice(
                ["openai/gpt-4o", "anthropic/claude-sonnet-4", "openai/of-no-price's"]),
            "timestamp": self.now - self.random.randrange(100 * DAY_MS) if self.random.random() < 0.3
            else self.now - self.random.randrange(3_600_000),
            "promptTokens": self.random.randrange(10_000), "completionTokens": self.random.randrange(2_000),
            "usedMode": self.random.choice(["credits", "api-keys"]),
        }
        if self.random.random() < 0.5:
            event["source"] = self.random.choice(["app \\ 'one'", "ünï"])
        if self.random.random() < 0.5:
            event["cost"] = f"{self.random.random() * 10:.12f}"
        return event | more

    def events(self, organizations, count):
        return [self.event(self.random.choice(organizations)) for _ in range(count)]


def tables(folder, shards):
    """What is said of clusters that are not as they should be, and that nothing of others is touched."""
    url = servers.address(shards)
    command("cluster", "check", url, code=2, says=["no table rollcall.usage_local", "rollcall cluster init"])
    serve = ["serve", "--data-dir", folder / "none", "--listen", "127.0.0.1:0", "--ship-to"]
    command(*serve, url, code=2, says=["no table rollcall.usage_local", "rollcall cluster init"])
    command("cluster", "init", url, code=2, says=["refuses the user 'rollcall_ship'"])
    for _ in range(2):
        command("cluster", "init", servers.address(shards, user="rollcall_init"), code=0, says=["rollcall"])
        command("cluster", "check", url, code=0)
    for wrong in (servers.address(shards, password="another"), servers.address(shards, user="nobody")):
        command("cluster", "check", wrong, code=2, says=["refuses the user"])
        command(*serve, wrong, code=2, says=["refuses the user"])
    command("cluster", "check", servers.address(shards[::-1]), code=2, says=["in the order of system.clusters"])
    one = servers.address(shards).replace(f",{shards[1].host}:{shards[1].http}", "")
    command("cluster", "check", one, code=2, says=["has 2 shards", "names 1"])
    shards[0].ask("CREATE DATABASE other")
    shards[0].ask("CREATE TABLE other.records_local (organization String, mine UInt8) ENGINE = Log")
    other = servers.address(shards, "other", servers.TESTER)
    for words in (["cluster", "init", other], [*serve, other]):
        command(*words, code=2, says=["other.records_local", "node"])
    check("nothing is made beside another's table", shards[0].ask("SHOW TABLES FROM other"), [["records_local"]])
    shards[0].ask("CREATE TABLE other.nodes_local AS rollcall.nodes_local ENGINE = Log")
    shards[0].ask("DROP TABLE other.records_local")
    command("cluster", "init", other, code=2, says=["other.nodes_local", "ReplacingMergeTree(beat) ORDER BY node"])
    shards[0].ask("DROP DATABASE other")
    print("tables: made, made again, and refused by name where they are another's", flush=True)


def records(node, shards, organizations):
    """The directory as the shards have it."""
    node.ask("PUT", "/v1/directory", {
        "users": [{"id": "ada", "name": "Ada"}],
        "members": [{"organizationId": of, "userId": "ada", "role": "owner"} for of in organizations],
        "apiKeys": [{"id": "k1", "organizationId": organizations[0], "projectId": "p1", "createdBy": "ada"}]})
    token = json.loads(node.ask("POST", "/v1/tokens", {"kind": "user", "userId": "ada", "label": "a laptop"}))
    kinds = ("directory", "names", "series", "timing", "intake", "audit")

    def found(where):
        sql = (f"SELECT kind, organization, hex(key), hex(value) FROM rollcall.records_local FINAL "
               f"WHERE deleted = 0 AND {where} ORDER BY kind, organization, key")
        return [shard.ask(sql) for shard in shards]

    deadline = time.monotonic() + WAIT_S
    secret = token["token"].encode().hex().upper()
    while time.monotonic() < deadline:
        own, everyone = found("organization != ''"), found("organization = ''")
        here = {row[0] for rows in own + everyone for row in rows}
        labels = [any("a laptop".encode().hex().upper() in row[3] for row in rows) for rows in everyone]
        if here.issuperset(kinds) and all(labels) and everyone[0] == everyone[1]:
            break
        time.sleep(0.3)
    else:
        sys.exit(f"records: {here} of {kinds}, the token on {labels}")
    check("tokens are hashes", any(secret in row[3] for rows in own + everyone for row in rows), False)
    node.ask("DELETE", f"/v1/tokens/{token['id']}")
    print(f"records: {sum(map(len, own))} of organizations, {len(everyone[0])} on every shard", flush=True)


def main():
    folder = Path(tempfile.mkdtemp(prefix="rollcall-cluster-"))
    cache = os.environ.get("CLICKHOUSE_CACHE", HOUSE / "target/cluster")
    running, shards = [], []
    try:
        shards = servers.start(folder, cache)
        tables(folder, shards)
        url, organizations = servers.address(shards), [f"org{number}" for number in range(6)]
        senders = Senders(7)
        node = Node(folder / "node", url)
        running.append(node.start())
        node.send(senders.events(organizations, 5000))
        level("a first load", node, shards, organizations)
        check("both shards have some", all(shipped([shard], organizations) for shard in shards), True)
        for _ in range(5):
            node.send(senders.events(organizations, 300))
        level("what comes later", node, shards, organizations, 10)
        records(node, shards, organizations)

        # Rows that are no more: a call that turns out to be another's, and usage that gets a price.
        part = [senders.event(of, partial=True, apiKeyId="k-first") for of in organizations]
        node.send(part)
        level("calls that are not over", node, shards, organizations, 10)
        whole = {"promptTokens": 20_000, "completionTokens": 9_000, "apiKeyId": "k-last"}
        node.send([{name: value for name, value in event.items() if name != "partial"} | whole for event in part])
        level("calls that became others", node, shards, organizations, 10)
        node.ask("POST", "/v1/compact")
        node.ask("POST", "/v1/reprice", {"from": "2026-01-01", "to": "2026-12-31", "all": True})
        level("repriced", node, shards, organizations, 20)

        # The node dies while it is sent more than it ships at once.
        for _ in range(4):
            node.send(senders.events(organizations, 2000))
        node.kill()
        node.start()
        level("after the node was killed", node, shards, organizations, 20)

        # A shard dies; the other goes on, and what is acknowledged does not wait.
        shards[1].kill()
        node.send(senders.events(organizations, 1000))
        living = [of for of in organizations if shipped([shards[0]], [of])]
        level("while a shard is down, the other's", node, shards[:1], living, 20)
        check("it says so", node.metric("rollcall_ship_failing"), 1)
        node.stop()
        node.start()
        node.send(senders.events(organizations, 500))
        shards[1].start()
        level("after a shard was killed", node, shards, organizations, 60)

        # Servers that take the connection and answer nothing.
        for shard in shards:
            shard.hold()
        started = time.monotonic()
        node.send(senders.events(organizations, 1000))
        check("an acknowledgement waits for no cluster", time.monotonic() - started < 5, True)
        node.stop()
        for shard in shards:
            shard.release()
        node.start()
        level("after a cluster that answered nothing", node, shards, organizations, 30)

        # Two copies: the second is refused, and says why.
        backup = folder / "backup.redb"
        command("backup", backup, "--data-dir", node.directory, code=0)
        copy = folder / "copy"
        copy.mkdir()
        shutil.copy(backup, copy / "rollcall.redb")
        command("serve", "--data-dir", copy, "--listen", "127.0.0.1:0", "--ship-to", url, code=2,
                says=["shipped already", f"http://127.0.0.1:{node.port}"])
        print("a copy beside the node: refused", flush=True)

        # A restored store replaces what was shipped since its backup.
        node.send(senders.events(organizations, 800) + [senders.event("org-of-later") for _ in range(50)])
        everybody = [*organizations, "org-of-later"]
        level("what the backup has not", node, shards, everybody, 20)
        node.stop()
        command("restore", backup, "--data-dir", node.directory, "--force", code=0)
        node.start()
        level("restored", node, shards, everybody, 60)
        node.send(senders.events(organizations, 300))
        level("after it was restored", node, shards, everybody, 20)

        # Somebody changes and removes rows of the cluster.
        audit = ["cluster", "audit", url, "--data-dir", node.directory]
        command(*audit, code=0, says=["has what the server has"])
        shards[0].ask("ALTER TABLE rollcall.usage_local DROP PARTITION " + max(
            row[0] for row in shards[0].ask("SELECT DISTINCT partition FROM system.parts WHERE table = 'usage_local'")))
        command(*audit, code=1, says=["org", time.strftime("%Y-%m", time.gmtime(senders.now / 1000)), "ships them again"])
        level("after the audit", node, shards, everybody, 20)
        for shard in shards:
            shard.ask("TRUNCATE TABLE rollcall.usage_local")
        command("cluster", "ship-all", url, "--data-dir", node.directory, code=0)
        level("shipped once more", node, shards, everybody, 1)
        check("doctor looks at it", "the cluster is" in subprocess.run(
            [ROLLCALL, "doctor", "--data-dir", node.directory], capture_output=True, text=True,
            env={**os.environ, "ROLLCALL_TOKEN": OPERATOR}).stdout, True)

        # What retention removes.
        node.ask("PUT", "/v1/directory", {"organizations": [{"id": organizations[0], "retentionDays": 31}]})
        node.ask("POST", "/v1/compact")
        level("what is too old", node, shards, everybody, 20)

        # Another node with an organization that is not its own.
        second = Node(folder / "second", url)
        running.append(second.start())
        second.send([senders.event(organizations[1]) for _ in range(40)])
        second.send([senders.event("org-of-second") for _ in range(40)])
        level("an organization of another node", second, shards, ["org-of-second"], 20)
        level("the first node's", node, shards, everybody, 20)
        check("it says so", second.metric("rollcall_ship_refused_organizations"), 1)
        for each in running:
            each.stop()
        print("the cluster is level after all of it", flush=True)
    finally:
        for each in running:
            if each.process and each.process.poll() is None:
                each.process.kill()
        for shard in shards:
            if shard.process and shard.process.poll() is None:
                shard.kill()
        if not os.environ.get("KEEP"):
            shutil.rmtree(folder, ignore_errors=True)


main()
