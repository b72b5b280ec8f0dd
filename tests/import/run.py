"""`rollcall import` reads a real PostgreSQL: LiteLLM's schema and rows as LiteLLM itself makes them, and LLM Gateway's table;
and `rollcall ingest` what a real ClickHouse exports of Langfuse's.

ROLLCALL says where the program is, POSTGRES_BIN where PostgreSQL's are; by default the newest of Debian's. The server of
the database runs as the user `postgres` where this is run by root, as PostgreSQL will have it.
"""

import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
OPERATOR = "operator-token-of-the-imports"
STARTING_S = 60
DAY = "from=2026-01-01&to=2026-12-31&granularity=month"
LLMGATEWAY = """
CREATE TABLE log (
    id text PRIMARY KEY, request_id text NOT NULL, created_at timestamp NOT NULL DEFAULT now(),
    organization_id text NOT NULL, project_id text NOT NULL, api_key_id text NOT NULL, duration integer NOT NULL,
    requested_model text NOT NULL, requested_provider text, used_model text NOT NULL, used_provider text NOT NULL,
    content text, unified_finish_reason text, prompt_tokens numeric, completion_tokens numeric, total_tokens numeric,
    reasoning_tokens numeric, cached_tokens numeric, cache_write_tokens numeric, cache_write1h_tokens numeric,
    messages json, has_error boolean DEFAULT false, cost real, used_service_tier text, streamed boolean DEFAULT false,
    cached boolean DEFAULT false, mode text NOT NULL, used_mode text NOT NULL, source text)
"""


def postgres_bin():
    found = os.environ.get("POSTGRES_BIN") or max(glob.glob("/usr/lib/postgresql/*/bin"), default=None)
    if not found:
        sys.exit("PostgreSQL's programs are not on this machine; install them, or say in POSTGRES_BIN where they are")
    return Path(found)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Postgres:
    """A server of its own, on a socket in its folder and on 127.0.0.1 with passwords and TLS."""

    def __init__(self, folder):
        self.bin, self.folder, self.port = postgres_bin(), folder, free_port()
        self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        folder.mkdir()
        self.make_certificates()
        if self.as_user:
            shutil.chown(folder, "postgres", "postgres")
            for file in folder.iterdir():
                shutil.chown(file, "postgres", "postgres")
        (self.data, password) = (folder / "data", folder / "password")
        password.write_text("super")
        password.chmod(0o644)
        self.run("initdb", "-D", self.data, "-U", "super", "-A", "trust", "--auth-host=scram-sha-256",
                 f"--pwfile={password}", "-E", "UTF8", "--locale=C")
        options = f"-p {self.port} -h 127.0.0.1 -k {folder} -c fsync=off -c ssl=on " \
                  f"-c ssl_cert_file={folder}/server.pem -c ssl_key_file={folder}/server.key"
        self.run("pg_ctl", "-D", self.data, "-w", "-l", folder / "log", "-o", options, "start")
        self.psql("postgres", "CREATE DATABASE litellm; CREATE DATABASE gateway")

    def make_certificates(self):
        openssl = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        quiet = {"check": True, "cwd": self.folder, "stderr": subprocess.DEVNULL}
        subprocess.run([*openssl, "-x509", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"], **quiet)
        subprocess.run([*openssl, "-x509", "-subj", "/CN=database", "-keyout", "server.key", "-out", "server.pem",
                        "-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-addext", "basicConstraints=critical,CA:FALSE"], **quiet)
        (self.folder / "server.key").chmod(0o600)

    def run(self, program, *arguments, **more):
        done = subprocess.run([*self.as_user, self.bin / program, *map(str, arguments)], cwd="/", text=True,
                              stdout=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE, **more)
        if done.returncode != 0:
            sys.exit(f"{program} failed")
        return done.stdout

    def psql(self, database, text):
        return self.run("psql", "-h", self.folder, "-p", self.port, "-U", "super", "-d", database, "-qtA",
                        "-v", "ON_ERROR_STOP=1", "-f", "-", input="SET client_min_messages = warning;\n" + text)

    def by_socket(self, database, user="super", more=""):
        return f"postgres://{user}@/{database}?host={str(self.folder).replace('/', '%2F')}&port={self.port}{more}"

    def by_tls(self, database, password):
        return f"postgres://reader:{password}@127.0.0.1:{self.port}/{database}?sslmode=verify-full"

    def stop(self):
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "stop")


class Server:
    """A `rollcall serve` on a store of its own, with an ingest token for `acme`."""

    def __init__(self, rollcall, folder):
        self.rollcall, self.folder, self.url = rollcall, folder, f"http://127.0.0.1:{free_port()}"
        environment = {**os.environ, "ROLLCALL_OPERATOR_TOKEN": OPERATOR}
        self.process = subprocess.Popen(
            [rollcall, "serve", "--listen", self.url[7:], "--data-dir", folder], env=environment,
            stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + STARTING_S
        while True:
            try:
                self.ask("/readyz")
                break
            except OSError:
                assert time.monotonic() < deadline, "the server does not start"
                time.sleep(0.05)
        self.token = self.ask("/v1/tokens", {"kind": "ingest", "organizationId": "acme", "label": "t"})["token"]

    def ask(self, path, body=None, token=OPERATOR):
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            sys.exit(f"{path}: {error.code} {error.read().decode()}")

    def usage(self):
        """What was counted, by model, project and key, to the last digit."""
        said = {}
        for by in ["model,project", "apiKey,source", "provider"]:
            query = f"/analytics/activity?organizationId=acme&{DAY}&groupBy={by}&errors=true&decimals=string"
            said[by] = self.ask(query)
            for moving in ["asOf", "generatedAt"]:
                said[by].pop(moving, None)
        return said

    def stop(self):
        self.process.terminate()
        assert self.process.wait(20) == 0


def importing(rollcall, gateway, database, *more, environment=None, status=0):
    done = subprocess.run([rollcall, "import", gateway, database, *map(str, more)], text=True, capture_output=True,
                          env={**os.environ, **(environment or {})}, timeout=300)
    assert done.returncode == status, f"{done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def to(server):
    return ["--url", server.url, "--token", server.token]


def insert(postgres, rows):
    """As Prisma would: a value that is not there is its column's default."""
    rows = [{name: value for name, value in row.items() if value is not None} for row in rows]
    for row in rows:
        columns = ", ".join(f'"{name}"' for name in row)
        text = json.dumps(row).replace("'", "''")
        postgres.psql("litellm", f"INSERT INTO \"LiteLLM_SpendLogs\" ({columns}) SELECT {columns} FROM "
                                 f"json_populate_record(NULL::\"LiteLLM_SpendLogs\", '{text}')")


def litellm(rollcall, postgres, folder, servers):
    import litellm_proxy_extras

    migrations = sorted(Path(litellm_proxy_extras.__file__).parent.glob("migrations/*/migration.sql"))
    postgres.psql("litellm", "\n".join(file.read_text() for file in migrations))
    lines = subprocess.run([sys.executable, HERE / "calls.py"], check=True, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True).stdout.splitlines()
    calls = [json.loads(line) for line in lines]
    assert len(calls) == 6, [call["post"]["model"] for call in calls]
    posts = [call["post"] for call in calls]
    insert(postgres, [call["row"] for call in calls])
    url = postgres.by_socket("litellm", more="&schema=public&connection_limit=10")

    # By the gateway's own door first, and from its database after that; and the other way round.
    live, loaded = (Server(rollcall, folder / name) for name in ["live", "loaded"])
    servers += [live, loaded]
    assert live.ask("/v1/ingest/litellm", posts, live.token)["accepted"] == len(calls)
    before = live.usage()
    said = importing(rollcall, "litellm-db", url, *to(live))
    assert f"{len(calls)} rows: 0 accepted, {len(calls)} duplicates" in said, said
    assert live.usage() == before, "nothing is doubled"
    said = importing(rollcall, "litellm-db", url, *to(loaded))
    assert f"{len(calls)} accepted, 0 duplicates, 0 no calls, 0 rejected" in said, said
    assert loaded.usage() == before, "a row is the call that was posted"
    assert loaded.ask("/v1/ingest/litellm", posts, loaded.token)["duplicates"] == len(calls)

    # A month of it, at a store that no server has open: ended in the middle, gone on, and looked at again.
    postgres.psql("litellm", """
        INSERT INTO "LiteLLM_SpendLogs"
        SELECT (json_populate_record(l, json_build_object('request_id', 'r' || n, 'litellm_call_id', 'c' || n,
            'startTime', timestamp '2026-06-01' + n * interval '2 minutes', 'team_id', 't' || n % 7))).*
        FROM "LiteLLM_SpendLogs" l, generate_series(1, 20000) n WHERE l.model = 'gpt-4o-mini'""")
    store = folder / "store"
    local = ["--data-dir", store, "--organization", "acme", "--until", "2026-07-15"]
    process = subprocess.Popen([rollcall, "import", "litellm-db", url, *map(str, local)], stdout=subprocess.DEVNULL)
    position = store / "import-litellm.json"
    deadline = time.monotonic() + STARTING_S
    while not position.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it was ended in the middle"
    reached = json.loads(position.read_text())["after"]
    began = time.monotonic()
    said = importing(rollcall, "litellm-db", url, *local)
    took = time.monotonic() - began
    print(f"ended after {reached['id']}, then: {said.strip()} ({took:.1f} s)")
    # An hour before where it had come, as a long call may be written late.
    insert(postgres, [{**calls[0]["row"], "request_id": "late", "litellm_call_id": "late",
                       "startTime": "2026-06-28T17:30:00.000"}])
    said = importing(rollcall, "litellm-db", url, *local)
    assert " 1 accepted" in said and "0 rejected" in said, said
    assert int(said.split(" rows")[0].replace(",", "")) < 100, f"it goes on where it was: {said}"
    server = Server(rollcall, store)
    servers.append(server)
    totals = server.ask(f"/analytics/activity?organizationId=acme&{DAY}&groupBy=none&decimals=string")["totals"]
    each = posts[0]["response_cost"]
    assert totals["requestCount"] == 20001, totals
    assert abs(float(totals["cost"]) - 20001 * each) < 1e-9, totals

    # By TLS with a password, as somebody who may read the table and nothing else.
    postgres.psql("litellm", """CREATE ROLE reader LOGIN PASSWORD 'secret';
        GRANT SELECT ON "LiteLLM_SpendLogs", "LiteLLM_UserTable" TO reader""")
    authority = ["--database-ca", postgres.folder / "ca.pem"]
    said = importing(rollcall, "litellm-db", postgres.by_tls("litellm", "secret"), *to(live), *authority,
                     "--from", "2026-07-15")
    assert f"{len(calls)} duplicates" in said, said
    for database, more, words in [
        (postgres.by_tls("litellm", "secret"), [], "certificate"),
        (postgres.by_tls("litellm", "wrong"), authority, "password authentication failed"),
        (postgres.by_socket("gateway"), [], "has no table LiteLLM_SpendLogs"),
        ("postgres://127.0.0.1:1/x", [], "cannot be reached"),
    ]:
        said = importing(rollcall, "litellm-db", database, *to(live), *more, status=2)
        assert words in said and "secret" not in said, said
    # By another way to the database, which may be another database.
    said = importing(rollcall, "litellm-db", postgres.by_tls("litellm", "secret"), *to(live), *authority, "--position",
                     position, status=2)
    assert "says how far an import of" in said, said


def llmgateway(rollcall, postgres, folder, servers):
    postgres.psql("gateway", LLMGATEWAY + """;
        INSERT INTO log SELECT 'log' || n, 'r' || n, timestamp '2026-06-01 10:00:00.25' + n * interval '1 second', 'acme',
            'p' || n % 3, 'k' || n % 5, 900, 'gpt-4o', NULL, 'openai/gpt-4o', 'openai', 'SECRET', 'completed', 500, 20, 520,
            7, 100, 5, 3, '[{"content": "SECRET"}]', n % 10 = 0, 0.0025, NULL, true, n % 4 = 0, 'hybrid', 'api-keys',
            'shop.example' FROM generate_series(1, 30) n""")
    server = Server(rollcall, folder / "llmgateway")
    servers.append(server)
    events = [{"id": f"log{n}", "type": "request_log", "timestamp": f"2026-06-01T10:00:{n:02}.250Z",
               "organizationId": "acme", "projectId": f"p{n % 3}", "apiKeyId": f"k{n % 5}", "requestedModel": "gpt-4o",
               "usedModel": "openai/gpt-4o", "usedProvider": "openai", "unifiedFinishReason": "completed",
               "promptTokens": "500", "completionTokens": "20", "totalTokens": "520", "reasoningTokens": "7",
               "cachedTokens": "100", "cacheWriteTokens": "5", "cacheWrite1hTokens": "3", "hasError": n % 10 == 0,
               "cost": 0.0025, "cached": n % 4 == 0, "usedMode": "api-keys", "source": "shop.example"}
              for n in range(1, 31)]
    answer = server.ask("/v1/ingest/llmgateway", {"stream": "s", "source": "request_logs", "events": events[:20]},
                        server.token)
    assert answer["accepted"] == 20, answer
    said = importing(rollcall, "llmgateway-db", postgres.by_socket("gateway"), *to(server))
    assert "30 rows: 10 accepted, 20 duplicates, 0 no calls, 0 rejected" in said, said
    other = Server(rollcall, folder / "stream")
    servers.append(other)
    assert other.ask("/v1/ingest/llmgateway", {"events": events}, other.token)["accepted"] == 30
    assert server.usage() == other.usage()


def langfuse(rollcall, folder, servers):
    exports = folder / "langfuse"
    # As Langfuse will have it: times without a zone are UTC.
    subprocess.run([sys.executable, HERE / "langfuse.py", exports], check=True, env={**os.environ, "TZ": "UTC"})
    expected = json.loads((exports / "expected.json").read_text())
    usage = None
    for name in ["observations.jsonl", "observations.csv", "observations.parquet", "own.parquet"]:
        server = Server(rollcall, folder / f"langfuse-{name}")
        servers.append(server)
        command = [rollcall, "ingest", exports / name, "--format", "langfuse", *to(server), "--map", "apiKeyId=metadata.key",
                   "--set", "usedProvider=openai", "--set", "apiKeyId=none"]
        for words in ["700 accepted, 0 duplicates, 0 rejected", "0 accepted, 700 duplicates, 0 rejected"]:
            done = subprocess.run(list(map(str, command)), text=True, capture_output=True)
            assert done.returncode == 0 and words in done.stdout, f"{name}: {done.stdout}{done.stderr}"
            assert "50 rows are no calls" in done.stdout, f"{name}: {done.stdout}"
        usage = usage or server.usage()
        # Langfuse's own is the newest first, so that names have other numbers.
        assert name == "own.parquet" or server.usage() == usage, f"{name}: every format has the same"
        asked = f"/analytics/activity?organizationId=acme&{DAY}&errors=true&decimals=string&groupBy="
        assert {entry["key"] for entry in server.ask(asked + "apiKey")["ranking"]} == {f"k{n}" for n in range(5)}
        models = {entry["label"]: entry["key"] for entry in server.ask(asked + "model")["ranking"]}
        assert models.keys() == expected.keys(), models
        for label, key in models.items():
            totals = server.ask(f"{asked}none&model={urllib.parse.quote(key)}")["totals"]
            for figure, value in expected[label].items():
                assert totals[figure] == value, f"{name}, {label}: {figure} is {totals[figure]}, not {value}"


def main():
    rollcall = os.environ.get("ROLLCALL") or shutil.which("rollcall") or sys.exit("ROLLCALL says where the program is")
    servers = []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        folder.chmod(0o755)
        postgres = Postgres(folder / "postgres")
        try:
            litellm(rollcall, postgres, folder, servers)
            llmgateway(rollcall, postgres, folder, servers)
            langfuse(rollcall, folder, servers)
        finally:
            for server in servers:
                server.stop()
            postgres.stop()
    print("LiteLLM's, LLM Gateway's and Langfuse's tables were read, and nothing of them counted twice")


main()
