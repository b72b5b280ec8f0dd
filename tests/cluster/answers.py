"""A node ships to two real ClickHouse servers; servers that keep nothing answer from there, to the byte as the node does.

ROLLCALL says where the program is, CLICKHOUSE where clickhouse-server is; without it Debian's packages are fetched by
apt-get and unpacked below target/cluster. SEED repeats a run.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import servers

HOUSE = Path(__file__).resolve().parents[2]
OPERATOR = "operator-token-of-the-cluster"
ROLLCALL = os.environ.get("ROLLCALL", str(HOUSE / "target/ci/rollcall"))
WAIT_S = 60
QUESTIONS = int(os.environ.get("QUESTIONS", "300"))
SAME = ("content-type", "content-disposition")
ORGANIZATIONS = [f"org{number}" for number in range(4)]
DAY_MS = 86_400_000
NOW_MS = int(time.time() * 1000)


def check(what, given, expected):
    if given != expected:
        sys.exit(f"{what}: {given}, not {expected}")


class Server:
    def __init__(self, folder, name, arguments, **environment):
        self.port, self.name = servers.free_port(), name
        self.log = open(folder / f"{name}.log", "w")
        self.command = [ROLLCALL, "serve", "--listen", f"127.0.0.1:{self.port}", *map(str, arguments)]
        self.environment = {**os.environ, "ROLLCALL_OPERATOR_TOKEN": OPERATOR, **environment}
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, env=self.environment, stderr=self.log)
        self.wait("/healthz")

    def wait(self, path):
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.ask("GET", path)[0] == 200:
                    return
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.1)
        sys.exit(f"{self.name} is not there: {Path(self.log.name).read_text()[-3000:]}")

    def ask(self, method, path, body=None, token=OPERATOR, **headers):
        """Status, headers and body of an answer."""
        headers = {"content-type": "application/json", **headers}
        if token:
            headers["authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def change(self, method, path, body):
        status, _, text = self.ask(method, path, body)
        check(f"{method} {path}: {text}", status // 100, 2)
        return json.loads(text) if text else None

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def stop(self):
        self.process.terminate()
        check(f"{self.name} stops as it should", self.process.wait(20), 0)


def fill(node, chance, organizations=ORGANIZATIONS):
    """People, keys that change hands, teams, and usage of forty days and of now."""
    update = {"organizations": [], "projects": [], "members": [], "apiKeys": [], "teams": [], "assignments": [],
              "users": [{"id": user, "name": user.title(), "email": f"{user}@x.example"} for user in ("ada", "ben", "cat")]}
    for of in organizations:
        update["organizations"].append({"id": of, "name": of.upper(), "timezone": "Asia/Kathmandu"})
        update["projects"] += [{"id": f"p{n}", "organizationId": of, "name": f"Project {n}"} for n in range(3)]
        update["members"] += [{"organizationId": of, "userId": user, "role": role}
                              for user, role in (("ada", "owner"), ("ben", "developer"), ("cat", "admin"))]
        update["apiKeys"] += [{"id": f"k{n}", "organizationId": of, "projectId": f"p{n % 3}", "description": f"key {n}",
                               "createdBy": ("ada", "ben", "cat")[n % 3]} for n in range(8)]
        update["teams"] += [{"id": f"t{n}", "organizationId": of, "name": f"Team {n}", "costCentre": f"c{n}"} for n in range(2)]
    node.change("PUT", "/v1/directory", update)
    day = time.strftime("%Y-%m-%d", time.gmtime(NOW_MS / 1000 - 20 * 86_400))
    assignments = [{"organizationId": of, "subject": {"apiKeyId": "k1"}, "ownerUserId": "cat", "from": day} for of in organizations]
    assignments += [{"organizationId": of, "subject": {"userId": "ada"}, "teamId": "t0", "from": day} for of in organizations]
    node.change("PUT", "/v1/directory", {"assignments": assignments})
    for _ in range(6):
        node.change("POST", "/v1/events", events(chance, 1500, organizations))
    node.change("POST", "/v1/compact", {})
    node.change("POST", "/v1/events", events(chance, 1500, organizations))
    node.change("POST", "/v1/reprice", {"from": "2026-01-01", "to": "2026-12-31", "all": True})
    tokens = {}
    for user in ("ada", "ben"):
        tokens[user] = node.change("POST", "/v1/tokens", {"kind": "user", "userId": user, "label": user})
    return tokens


def events(chance, count, organizations=ORGANIZATIONS, ago=40 * DAY_MS):
    sent = []
    for _ in range(count):
        event = {"id": f"e{chance.getrandbits(80):x}", "organizationId": chance.choice(organizations),
                 "projectId": f"p{chance.randrange(3)}", "apiKeyId": f"k{chance.randrange(12)}",
                 "usedModel": chance.choice(["openai/gpt-4o", "anthropic/claude-sonnet-4", "openai/of-no-price's"]),
                 "timestamp": NOW_MS - chance.randrange(ago), "promptTokens": chance.randrange(10_000),
                 "completionTokens": chance.randrange(2_000), "usedMode": chance.choice(["credits", "api-keys"])}
        if chance.random() < 0.5:
            event["source"] = chance.choice(["app \\ 'one'", "ünï"])
        if chance.random() < 0.5:
            event["cost"] = f"{chance.random() * 10:.12f}"
        if chance.random() < 0.1:
            event["hasError"] = True
        sent.append(event)
    return sent


def question(chance, organizations=ORGANIZATIONS):
    """A question about days that are over, or one that is refused."""
    organization = chance.choice([*organizations, "nowhere"] if chance.random() < 0.1 else organizations)
    zone = chance.choice(["UTC", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "Europe/Berlin"])
    last = time.gmtime(NOW_MS / 1000 - 86_400 * (2 + chance.randrange(20)))
    first = time.gmtime(time.mktime(last) - 86_400 * chance.randrange(25))
    what = {"organizationId": organization, "timezone": zone, "from": time.strftime("%Y-%m-%d", first),
            "to": time.strftime("%Y-%m-%d", last)}
    path = chance.choice(["/analytics/activity"] * 8 + [
        "/analytics/members", "/analytics/members/ada", "/analytics/members/ben", "/analytics/keys", "/analytics/keys/k1",
        "/analytics/keys/k11", "/analytics/me", "/analytics/change", "/analytics/explain", "/analytics/export",
        "/analytics/cache-saving", "/analytics/what-if", "/analytics/members/nobody", "/analytics/statement", "/analytics/reconciliation"])
    if path == "/analytics/activity":
        names = ["model", "project", "apiKey", "user", "provider", "source", "team", "costCentre", "costSource", "none",
                 "project,model", "user,apiKey", "team,source", "costSource,provider"]
        what["groupBy"] = chance.choice(names)
        what["granularity"] = chance.choice(["day", "day", "hour", "week", "month"])
        for name, values in (("userId", ["ada", "cat"]), ("model", ["gpt-4o", "of-no-price's"]), ("source", ["ünï"]),
                             ("apiKeyId", ["k1", "k3"]), ("mode", ["credits"]), ("projectId", ["p1"])):
            if chance.random() < 0.15:
                what[name] = chance.choice(values)
        if chance.random() < 0.3:
            what["top"] = str(1 + chance.randrange(4))
        if chance.random() < 0.3:
            what["errors"] = "true"
    if path in ("/analytics/activity", "/analytics/members", "/analytics/keys") and chance.random() < 0.3:
        what["compare"] = "previous"
    if path == "/analytics/what-if":
        what["onModel"] = "gpt-4o"
    if path == "/analytics/statement":
        what = {"organizationId": organization, "timezone": zone, "month": time.strftime("%Y-%m", time.gmtime(NOW_MS / 1000 - 32 * 86_400))}
    if path == "/analytics/reconciliation":
        what["provider"] = "openai"
    if path == "/analytics/export":
        what["granularity"], what["format"] = chance.choice(["hour", "day"]), chance.choice(["csv", "focus"])
    elif chance.random() < 0.2:
        what["format"] = "csv"
    if chance.random() < 0.05:
        what[chance.choice(["groupBy", "from", "timezone", "colour"])] = "nonsense"
    return f"{path}?{urllib.parse.urlencode(what)}"


def same(node, reader, path, token=OPERATOR, method="GET"):
    here, there = node.ask(method, path, token=token), reader.ask(method, path, token=token)
    if here[0] != there[0] or here[2] != there[2] or any(here[1][name] != there[1][name] for name in SAME):
        at = next((at for at, (a, b) in enumerate(zip(here[2], there[2])) if a != b), -1)
        sys.exit(f"{path}: {here[0]} {here[2][max(0, at - 100):at + 300]}\nis on {reader.name} {there[0]} "
                 f"{there[2][max(0, at - 100):at + 300]}\n{Path(reader.log.name).read_text()[-2000:]}")
    return here[0]


def current(node, reader, organizations=ORGANIZATIONS):
    """Waits until what is asked about two months up to now is the same of all; how long that took."""
    first = time.strftime("%Y-%m-%d", time.gmtime(NOW_MS / 1000 - 60 * 86_400))
    started = time.monotonic()
    for of in organizations:
        path = f"/analytics/activity?organizationId={of}&from={first}&groupBy=apiKey&errors=true"
        while True:
            here, there = (re.sub(rb'"asOf":"[^"]*"', b"", server.ask("GET", path)[2]) for server in (node, reader))
            if here == there:
                break
            if time.monotonic() - started > WAIT_S:
                sys.exit(f"{here[:2000]} is never {there[:2000]}")
            time.sleep(0.1)
    return time.monotonic() - started


def problem(answer, status, *words):
    check(f"{answer[2]}", answer[0], status)
    for word in words:
        check(f"{answer[2]} says {word}", word in answer[2].decode(), True)


def refused(url, *words, **environment):
    environment = {**os.environ, "ROLLCALL_OPERATOR_TOKEN": OPERATOR, **environment}
    done = subprocess.run([ROLLCALL, "serve", "--listen", "127.0.0.1:0", "--answers-from", url], env=environment,
                          capture_output=True, text=True, timeout=60)
    check(done.stderr, done.returncode, 2)
    for word in words:
        check(f"'{done.stderr}' says {word}", word in done.stderr, True)
    check("a password is in no text", servers.PASSWORD in done.stderr, False)


def sessions(node, readers, tokens):
    """A session of one server is one at all, and ends with its token."""
    status, headers, _ = readers[0].ask("POST", "/v1/session", {"token": tokens["ada"]["token"]}, token=None)
    check("somebody signs in", status, 200)
    cookie = headers["set-cookie"].split(";")[0]
    for reader in readers:
        status, _, text = reader.ask("GET", "/v1/me", token=None, cookie=cookie)
        check(f"the session holds at {reader.name}: {text}", status, 200)
    problem(readers[0].ask("POST", "/v1/session", {"token": "of nobody at all"}, token=None), 401)
    status, headers, _ = node.ask("POST", "/v1/session", {"token": tokens["ada"]["token"]}, token=None)
    of_node, started = headers["set-cookie"].split(";")[0], time.monotonic()
    while readers[0].ask("GET", "/v1/me", token=None, cookie=of_node)[0] != 200:
        check("a session of the node is not known", time.monotonic() - started < 10, True)
        time.sleep(0.1)
    node.change("DELETE", f"/v1/tokens/{tokens['ada']['id']}", None)
    started = time.monotonic()
    while readers[1].ask("GET", "/v1/me", token=None, cookie=cookie)[0] != 401:
        check("a revoked token is still known", time.monotonic() - started < 10, True)
        time.sleep(0.1)
    print(f"sessions: at every server, and over {time.monotonic() - started:.1f} s after the token was revoked", flush=True)


def main():
    seed = int(os.environ.get("SEED", "7"))
    chance, folder = random.Random(seed), Path(tempfile.mkdtemp(prefix="rollcall-answers-"))
    cache, running, shards = os.environ.get("CLICKHOUSE_CACHE", HOUSE / "target/cluster"), [], []

    def started(*arguments, **environment):
        running.append(Server(folder, *arguments, **environment))
        return running[-1]

    try:
        shards = servers.start(folder, cache)
        url, ship_to = (servers.address(shards, user=f"rollcall_{user}") for user in ("read", "ship"))
        refused(url, "no table rollcall.usage_local", "rollcall cluster init")
        subprocess.run([ROLLCALL, "cluster", "init", servers.address(shards, user="rollcall_init")], check=True, stdout=subprocess.DEVNULL, timeout=60)
        refused(servers.address(shards, password="another"), "refuses the user")
        shards[0].ask("ALTER TABLE rollcall.usage_local ADD COLUMN mine UInt8")
        refused(url, "usage_local", "mine")
        shards[0].ask("ALTER TABLE rollcall.usage_local DROP COLUMN mine")
        refused(url, "ROLLCALL_OPERATOR_TOKEN", ROLLCALL_OPERATOR_TOKEN="")
        print("starts that cannot be: refused with what to do", flush=True)

        node = started("node", ["--data-dir", folder / "node", "--ship-to", ship_to])
        tokens = fill(node, chance)
        readers = [started(f"reader{number}", ["--answers-from", url]) for number in range(2)]
        for reader in readers:
            print(f"{reader.name} has what the node has after {current(node, reader):.1f} s", flush=True)
        statuses = {}
        for number in range(QUESTIONS):
            path = question(chance)
            token = chance.choice([OPERATOR] * 5 + [tokens["ada"]["token"], tokens["ben"]["token"], "of nobody", None])
            status = same(node, readers[number % 2], path, token)
            statuses[status] = statuses.get(status, 0) + 1
        print(f"{QUESTIONS} questions, seed {seed}: the same bytes; by status {statuses}", flush=True)
        lists = ("projects", "budgets", "directory", "closings", "repricings", "links", "alerts", "policies", "providers", "intake",
                 "invitations", "tokens", "decisions/counts", "decisions/log")
        for path in ("/v1/me", "/v1/session", "/v1/calendar", "/v1/calendar/zones", "/openapi.json", "/v1/organizations/org1/views",
                     *(f"/v1/{name}?organizationId=org1" for name in lists), "/v1/tokens"):
            same(node, readers[0], path)
        for method, path in (("POST", "/analytics/activity"), ("PUT", "/v1/me"), ("PATCH", "/v1/events"), ("DELETE", "/nothing")):
            check(f"{method} {path} is refused", same(node, readers[0], path, method=method) in (404, 405), True)

        for _ in range(3):
            node.change("POST", "/v1/events", events(chance, 400, ago=3_600_000))
            check("what was acknowledged is there within five seconds", current(node, readers[0]) < 5, True)
        problem(readers[0].ask("POST", "/v1/events", events(chance, 1)), 421, f"http://127.0.0.1:{node.port}")
        problem(readers[0].ask("PUT", "/v1/directory", {}), 421, f"http://127.0.0.1:{node.port}")
        sessions(node, readers, tokens)

        shards[1].kill()
        found = {}
        for of in ORGANIZATIONS:
            answer = readers[0].ask("GET", f"/analytics/activity?organizationId={of}")
            found[of] = answer[0]
            if answer[0] != 200:
                problem(answer, 503, "shard 2", f"{shards[1].host}:{shards[1].http}")
        check(f"one shard of two is down: {found}", set(found.values()), {200, 503})
        late = started("late", ["--answers-from", url])
        late.wait(f"/analytics/activity?organizationId={next(of for of in found if found[of] == 200)}")
        for of in ORGANIZATIONS:
            check(f"{of} of a server that never saw the shard", late.ask("GET", f"/analytics/activity?organizationId={of}")[0], found[of])
        shards[0].kill()
        for reader in readers:
            check("no cluster", reader.ask("GET", "/analytics/activity?organizationId=org0")[0], 503)
        blind = started("blind", ["--answers-from", url])
        problem(blind.ask("GET", "/v1/me"), 503, "shard 1", "shard 2")
        check("its page is there all the same", blind.ask("GET", "/healthz", token=None)[0], 200)
        for shard in shards:
            shard.start()
        blind.wait("/readyz")
        for of in ORGANIZATIONS:
            path = f"/analytics/activity?organizationId={of}&from=2026-01-01&to=2026-10-31&granularity=month"
            blind.wait(path)
            same(node, blind, path)
        print("shards that are down: named, others go on, and all is there again with them", flush=True)
        for server in running:
            server.stop()
    finally:
        for server in running:
            if server.process.poll() is None:
                server.process.kill()
        for shard in shards:
            if shard.process and shard.process.poll() is None:
                shard.kill()
        if not os.environ.get("KEEP"):
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
