"""Installs clients from their registries, each with what it needs into a folder of its own."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "target" / "agents"
# Several clients need a newer Node than machines have.
NODE = "node@26.10.0"
INSTALL_SECONDS = 900


class NotInstalled(Exception):
    pass


def node(log):
    """The folder of Node's own commands."""
    return npm("node", [NODE], log) / "node_modules" / ".bin"


def npm(name, packages, log):
    def into(folder):
        (folder / "package.json").write_text('{"private": true}\n')
        run(["npm", "install", "--no-audit", "--no-fund", "--save-exact", *packages], folder, log)

    return kept(name, packages, into)


def python(version):
    """A Python of this version, if the machine has one; pyenv's commands are there for versions that are not chosen, too."""
    kept = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))
    return next(iter(kept), None) or shutil.which(f"python{version}")


def pypi(name, packages, log, python=sys.executable):
    def into(folder):
        run([python, "-m", "venv", folder], folder, log)
        run([folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *packages], folder, log)

    return kept(name, packages, into)


def kept(name, packages, install):
    """A folder with these very packages, that of an earlier run if there is one."""
    folder = FOLDER / name
    wanted, stamp = "\n".join(packages), folder / "packages.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder)
        stamp.write_text(wanted)
    return folder


def newest(registry, packages, stays, log):
    """A client's packages in their newest versions; where it `stays`, within the major version they have. What exports
    spans is no client's own, and stays as it is where npm does not choose what fits."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if registry is pypi:
        # What goes with the client is the newest that it agrees with.
        client, *others = packages
        return [newest_of(registry, client, stays, log), *(package.split("==")[0] for package in others)]
    is_own = [not package.startswith(("@opentelemetry/", "zod@")) for package in packages]
    return [newest_of(registry, one, stays, log) if own else one for one, own in zip(packages, is_own)]


def newest_of(registry, package, stays, log):
    if registry is pypi:
        name = package.split("==")[0]
        text = run([sys.executable, "-m", "pip", "index", "versions", re.sub(r"\[.*", "", name)], FOLDER, log)
        return f"{name}=={re.search(r'[(](.+?)[)]', text)[1]}"
    name, version = package.rsplit("@", 1)
    major = version.split(".")[0]
    spec = f"{name}@{major}" if stays else name
    # Of one version a text, of several a list, in no order.
    found = json.loads(run(["npm", "view", spec, "version", "--json"], FOLDER, log))
    numbers = [found] if isinstance(found, str) else found
    newest = max(numbers, key=lambda one: [int(part) for part in re.findall(r"\d+", one)])
    return f"{name}@{newest}"


def run(command, folder, log):
    with open(log, "a") as written:
        try:
            done = subprocess.run(
                command, cwd=folder, stdout=subprocess.PIPE, stderr=written, text=True, timeout=INSTALL_SECONDS
            )
        except subprocess.TimeoutExpired as late:
            raise NotInstalled(f"{command[0]} took more than {INSTALL_SECONDS} s") from late
        written.write(done.stdout)
    if done.returncode != 0:
        raise NotInstalled(f"{Path(command[0]).name} {command[1]} failed; see {log}")
    return done.stdout
