"""Two ClickHouse servers of one cluster on this machine: Debian's packages, unpacked and run as whoever runs this; with
ENGINE=chdb the newer engine of PyPI's chdb, each in a process of chdb_server.py."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

STARTING_S = 60
PASSWORD = "s3cret/of:a%test"
ENGINE = os.environ.get("ENGINE", "clickhouse-server")
# Who does what Rollcall never does.
TESTER = "tester"
DEPLOY = Path(__file__).resolve().parents[2] / "deploy/clickhouse"


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def program(cache):
    """Where clickhouse-server is (nowhere, where the engine is chdb), and the folder that its libraries are unpacked in; fetched by apt where it is absent."""
    if ENGINE == "chdb":
        return None, None
    installed = os.environ.get("CLICKHOUSE") or shutil.which("clickhouse-server")
    if installed:
        return installed, None
    root = cache / "root"
    if not (cache / "complete").exists():
        cache.mkdir(parents=True, exist_ok=True)
        fetch(cache)
        for package in cache.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, root], check=True)
        (cache / "complete").touch()
    return str(root / "usr/sbin/clickhouse-server"), root


def fetch(cache):
    """Downloads the server's packages and those of its libraries that the machine has not."""
    waiting, seen = ["clickhouse-server", "clickhouse-common"], set()
    while waiting:
        package = waiting.pop()
        known = subprocess.run(["dpkg", "-s", package], capture_output=True).returncode == 0
        if package in seen or known:
            continue
        seen.add(package)
        got = subprocess.run(["apt-get", "download", package], cwd=cache, capture_output=True, text=True)
        if got.returncode:
            sys.exit(f"apt-get download {package}: {got.stderr.strip()}; or say in CLICKHOUSE where clickhouse-server is")
        wanted = subprocess.run(
            ["apt-cache", "depends", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks",
             "--no-replaces", "--no-enhances", package], capture_output=True, text=True, check=True).stdout
        for line in wanted.splitlines():
            word, _, name = line.strip().partition(": ")
            if word.lstrip("|") == "Depends" and not name.startswith("<"):
                waiting.append(name)


def unescaped(field):
    """A field of a tab-separated answer."""
    return re.sub(r"\\(.)", lambda found: {"t": "\t", "n": "\n", "0": "\0"}.get(found[1], found[1]), field)


def adapted(name, changes):
    """A file of deploy/clickhouse as its readers are told to change it; each change is of something that is there."""
    text = (DEPLOY / name).read_text()
    for before, after in changes.items():
        if before not in text:
            sys.exit(f"deploy/clickhouse/{name} has no {before}")
        text = text.replace(before, after)
    return text


class Shard:
    """One server: deploy/clickhouse, and beside it what every server has."""

    def __init__(self, folder, number, tcp_ports, binary):
        self.folder, self.http, self.tcp = folder / f"shard{number}", free_port(), tcp_ports[number]
        # Without a port of its own the engine knows itself by name.
        self.host = f"127.0.0.{number + 1}" if ENGINE == "chdb" else "127.0.0.1"
        (self.program, self.root), self.process = binary, None
        for place in ("config.d", "users.d"):
            (self.folder / place).mkdir(parents=True)
        (self.folder / "config.xml").write_text(f"""<yandex>
  <logger><level>warning</level><log>{self.folder}/log</log><errorlog>{self.folder}/err</errorlog></logger>
  <listen_host>127.0.0.1</listen_host><http_port>{self.http}</http_port><tcp_port>{self.tcp}</tcp_port>
  <path>{self.folder}/data/</path><tmp_path>{self.folder}/tmp/</tmp_path><users_config>users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <mark_cache_size>268435456</mark_cache_size><timezone>Asia/Kathmandu</timezone>
</yandex>
""")
        (self.folder / "users.xml").write_text(f"""<yandex><profiles><default/></profiles><quotas><default/></quotas>
  <users><{TESTER}><password>{PASSWORD}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
  <quota>default</quota></{TESTER}></users></yandex>
""")
        ports = {f"<host>ch{at + 1}</host><port>9000</port>":
                 f"<host>127.0.0.{at + 1 if ENGINE == 'chdb' else 1}</host><port>{port}</port>"
                 for at, port in enumerate(tcp_ports)}
        config = adapted("config.xml", ports | {"READ-PASSWORD": PASSWORD})
        (self.folder / "config.d/rollcall.xml").write_text(config)
        (self.folder / "chdb.xml").write_text(config)
        passwords = {f"{who}-PASSWORD": PASSWORD for who in ("INIT", "SHIP", "READ")}
        (self.folder / "users.d/rollcall.xml").write_text(adapted("users.xml", passwords | {"10.0.0.0/8": "127.0.0.1"}))

    def start(self):
        environment = dict(os.environ)
        if self.root:
            places = [self.root / "usr/lib/x86_64-linux-gnu", self.root / "lib/x86_64-linux-gnu"]
            environment["LD_LIBRARY_PATH"] = ":".join(map(str, places))
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = [self.program, f"--config-file={self.folder}/config.xml"]
        if ENGINE == "chdb":
            command = [sys.executable, Path(__file__).parent / "chdb_server.py", self.folder, self.host, str(self.http), PASSWORD]
        # Elsewhere chdb would take this folder's files for its own.
        self.process = subprocess.Popen(command, cwd=self.folder.parent, env=environment, **quiet)
        deadline = time.monotonic() + STARTING_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                return self.ask("SELECT 1")
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        sys.exit(f"clickhouse-server did not start; {self.folder}/err says why")

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def hold(self):
        self.process.send_signal(signal.SIGSTOP)

    def release(self):
        self.process.send_signal(signal.SIGCONT)

    def ask(self, sql):
        """The lines of an answer, each as its fields."""
        url = f"http://{self.host}:{self.http}/?wait_end_of_query=1"
        headers = {"X-ClickHouse-User": TESTER, "X-ClickHouse-Key": PASSWORD}
        with urllib.request.urlopen(urllib.request.Request(url, sql.encode(), headers), timeout=60) as answer:
            return [[unescaped(field) for field in line.split("\t")] for line in answer.read().decode().splitlines()]


def address(shards, database="rollcall", user="rollcall_ship", password=PASSWORD):
    hosts = ",".join(f"{shard.host}:{shard.http}" for shard in shards)
    who = f"{urllib.parse.quote(user, safe='')}:{urllib.parse.quote(password, safe='')}"
    return f"clickhouse://{who}@{hosts}/{database}" + ("?cluster=rollcall" if len(shards) > 1 else "")


def start(folder, cache, count=2):
    binary = program(Path(cache))
    tcp_ports = [free_port() for _ in range(count)]
    shards = [Shard(folder, number, tcp_ports, binary) for number in range(count)]
    for shard in shards:
        shard.start()
    return shards
