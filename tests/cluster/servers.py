"""Two ClickHouse servers of one cluster on this machine: Debian's packages, unpacked and run as whoever runs this."""

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
USER, PASSWORD = "shipper", "s3cret/of:a%test"


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def program(cache):
    """Where clickhouse-server is, and the folder that its libraries are unpacked in; fetched by apt where it is absent."""
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


class Shard:
    """One server."""

    def __init__(self, folder, number, tcp_ports, binary):
        self.folder, self.http, self.tcp = folder / f"shard{number}", free_port(), tcp_ports[number]
        (self.program, self.root), self.process = binary, None
        shards = "".join(
            f"<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>{port}</port>"
            f"<user>{USER}</user><password>{PASSWORD}</password></replica></shard>" for port in tcp_ports)
        self.folder.mkdir(parents=True)
        (self.folder / "config.xml").write_text(f"""<yandex>
  <logger><level>warning</level><log>{self.folder}/log</log><errorlog>{self.folder}/err</errorlog></logger>
  <listen_host>127.0.0.1</listen_host><http_port>{self.http}</http_port><tcp_port>{self.tcp}</tcp_port>
  <path>{self.folder}/data/</path><tmp_path>{self.folder}/tmp/</tmp_path><users_config>users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <mark_cache_size>268435456</mark_cache_size><timezone>Asia/Kathmandu</timezone>
  <remote_servers><two>{shards}</two></remote_servers>
</yandex>
""")
        (self.folder / "users.xml").write_text(f"""<yandex><profiles><default/></profiles><quotas><default/></quotas>
  <users><{USER}><password>{PASSWORD}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
  <quota>default</quota></{USER}></users></yandex>
""")

    def start(self):
        environment = dict(os.environ)
        if self.root:
            places = [self.root / "usr/lib/x86_64-linux-gnu", self.root / "lib/x86_64-linux-gnu"]
            environment["LD_LIBRARY_PATH"] = ":".join(map(str, places))
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = [self.program, f"--config-file={self.folder}/config.xml"]
        self.process = subprocess.Popen(command, cwd=self.folder, env=environment, **quiet)
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
        url = f"http://127.0.0.1:{self.http}/?wait_end_of_query=1"
        headers = {"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD}
        with urllib.request.urlopen(urllib.request.Request(url, sql.encode(), headers), timeout=60) as answer:
            return [[unescaped(field) for field in line.split("\t")] for line in answer.read().decode().splitlines()]


def address(shards, database="rollcall", user=USER, password=PASSWORD):
    hosts = ",".join(f"127.0.0.1:{shard.http}" for shard in shards)
    who = f"{urllib.parse.quote(user, safe='')}:{urllib.parse.quote(password, safe='')}"
    return f"clickhouse://{who}@{hosts}/{database}" + ("?cluster=two" if len(shards) > 1 else "")


def start(folder, cache, count=2):
    binary = program(Path(cache))
    tcp_ports = [free_port() for _ in range(count)]
    shards = [Shard(folder, number, tcp_ports, binary) for number in range(count)]
    for shard in shards:
        shard.start()
    return shards
