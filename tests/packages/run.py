"""What `make dist` made is installed, upgraded over its data, removed and purged in a fresh Debian, unpacked and run.

    run.py PROGRAM

Needs root, debootstrap and skopeo. The Debian that packages are installed into is kept in target/debian for the next run.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
RELEASE = "bookworm"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
OPERATOR = "operator-token-of-the-packages"
STARTING_S = 60
# What Debian's own tools write while packages come and go.
OF_DEBIAN = ("var/lib/dpkg", "var/log", "var/cache", "etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/sub",
             "etc/.pwd.lock", "tmp", "run", "dev", "proc", "usr/share/man", "var/lib/systemd", "var/mail")


def run(*command, **more):
    return subprocess.run([str(part) for part in command], check=True, text=True, stdout=subprocess.PIPE, **more).stdout


def build(program, out, version, *kinds):
    script = HOUSE / "deploy/package/build.py"
    settings = {"VERSION": version, "SOURCE_DATE_EPOCH": "1790000000"}
    print(run(sys.executable, script, program, out, *kinds, env={**os.environ, **settings}), end="", flush=True)
    return next(out.glob("*.deb"))


def debian():
    base = HOUSE / "target/debian" / RELEASE
    if not base.exists():
        unfinished = base.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        run("debootstrap", "--variant=minbase", RELEASE, unfinished, MIRROR)
        unfinished.rename(base)
    return base


class Served:
    """The installed program as its own user, as the unit starts it."""

    def __init__(self, root, program="/usr/bin/rollcall", user="rollcall:rollcall"):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.process = subprocess.Popen(
            ["chroot", f"--userspec={user}", root, program, "serve"], stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "ROLLCALL_DATA_DIR": "/var/lib/rollcall", "ROLLCALL_LISTEN": self.url[7:],
                 "ROLLCALL_OPERATOR_TOKEN": OPERATOR})
        deadline = time.monotonic() + STARTING_S
        while True:
            try:
                self.version = self.ask("/readyz")["version"]
                return
            except OSError:
                assert time.monotonic() < deadline and self.process.poll() is None, "the server does not start"
                time.sleep(0.05)

    def ask(self, path, body=None):
        headers = {"authorization": f"Bearer {OPERATOR}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=10) as answer:
            return json.loads(answer.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(20) == 0


EVENT = {"id": "e", "timestamp": "2026-06-01T10:00:00Z", "organizationId": "acme", "projectId": "p", "apiKeyId": "k",
         "usedModel": "openai/gpt-4o", "cost": "0.1"}


def files(root):
    found = {str(path.relative_to(root)) for path in root.rglob("*")}
    return {path for path in found if not path.startswith(OF_DEBIAN)}


def package(root, older, newer):
    def dpkg(*arguments):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
        run("chroot", root, "dpkg", *arguments, env=environment, stderr=subprocess.STDOUT)

    for deb in [older, newer]:
        shutil.copy(deb, root / "tmp" / deb.name)
    before = files(root)
    dpkg("-i", f"/tmp/{older.name}")
    data, settings = root / "var/lib/rollcall", root / "etc/rollcall.env"
    passwd = dict(line.split(":", 1) for line in (root / "etc/passwd").read_text().splitlines())
    user = int(passwd["rollcall"].split(":")[1])
    assert (data.stat().st_uid, data.stat().st_mode & 0o777, settings.stat().st_mode & 0o777) == (user, 0o700, 0o600)
    for file in ["usr/share/man/man1/rollcall-serve.1.gz", "usr/share/bash-completion/completions/rollcall",
                 "usr/share/doc/rollcall/docs/operations.md", "usr/share/doc/rollcall/copyright"]:
        assert (root / file).is_file(), file
    run("bash", "-n", root / "usr/share/bash-completion/completions/rollcall")
    unit = (root / "usr/lib/systemd/system/rollcall.service").read_text()
    assert "ExecStart=/usr/bin/rollcall serve" in unit and "User=rollcall" in unit and "DynamicUser" not in unit
    with Served(root) as server:
        assert server.ask("/v1/events", [EVENT])["accepted"] == 1
    settings.write_text("ROLLCALL_BACKUP_KEEP=3\n")

    dpkg("-i", f"/tmp/{newer.name}")
    assert settings.read_text() == "ROLLCALL_BACKUP_KEEP=3\n", "what somebody set stays"
    with Served(root) as server:
        assert server.ask("/v1/events", [EVENT])["duplicates"] == 1, "what was counted is still known"
        answer = server.ask("/analytics/activity?organizationId=acme&from=2026-06-01&to=2026-06-01&decimals=string")
        assert answer["totals"]["cost"] == "0.1", answer
    dpkg("--remove", "rollcall")
    assert any(data.iterdir()), "what was counted stays"
    assert not (root / "usr/bin/rollcall").exists() and settings.exists()
    dpkg("--purge", "rollcall")
    assert not data.exists() and not settings.exists()
    assert files(root) == before, files(root) ^ before
    print(f"{older.name} was installed, {newer.name} put over it, removed and purged")


def image(layout, version, folder):
    inspected = json.loads(run("skopeo", "inspect", f"oci:{layout}:{version}"))
    assert inspected["Labels"]["org.opencontainers.image.version"] == version, inspected
    config = json.loads(run("skopeo", "inspect", "--config", f"oci:{layout}:{version}"))["config"]
    assert config["User"] == "rollcall" and config["Cmd"] == ["serve"], config
    # A copy checks every digest.
    run("skopeo", "copy", f"oci:{layout}:{version}", f"oci:{folder}/copied:{version}")
    root = folder / "unpacked"
    (layer,) = inspected["Layers"]
    with tarfile.open(layout / "blobs/sha256" / layer.removeprefix("sha256:")) as tar:
        tar.extractall(root)  # noqa: S202: ours
    with Served(root, "/usr/local/bin/rollcall", "10001:10001") as server:
        assert server.ask("/v1/events", [EVENT])["accepted"] == 1
    print(f"the image has {sum(1 for file in root.rglob('*') if file.is_file())} files, and serves")


def main():
    program = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        folder.chmod(0o755)
        older = build(program, folder / "older", "0.0.1", "deb")
        newer = build(program, folder / "newer", "9.0.0")
        build(program, folder / "again", "9.0.0", "deb", "sbom")
        sums = (folder / "newer/SHA256SUMS").read_text().splitlines()
        assert set((folder / "again/SHA256SUMS").read_text().splitlines()) <= set(sums), "the same again is the same"
        run("sha256sum", "-c", "SHA256SUMS", cwd=folder / "newer")
        bill = json.loads(next((folder / "newer").glob("*.cdx.json")).read_text())
        names = {part["name"] for part in bill["components"]}
        assert {"redb", "axum", "tokio"} <= names and not {"proptest", "prost"} & names, len(names)
        with tarfile.open(next((folder / "newer").glob("*.tar.gz"))) as tar:
            tar.extractall(folder / "tarball")  # noqa: S202: ours
        (binary,) = folder.glob("tarball/*/bin/rollcall")
        assert run(binary, "--version").startswith("rollcall ")
        root = folder / "debian"
        run("cp", "-a", debian(), root)
        package(root, older, newer)
        image(folder / "newer/image", "9.0.0", folder)


main()
