"""Programs that the tests start, and what these need."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from browser import Browser

HOUSE = Path(__file__).resolve().parents[2]
OPERATOR = {"Authorization": "Bearer operator-token-of-the-sign-in-tests", "Content-Type": "application/json"}
STARTING_S = 30
MODULES = Path(os.environ.get("APACHE2_MODULES", "/usr/lib/apache2/modules"))


def program(name, otherwise=None):
    found = os.environ.get(name.upper()) or shutil.which(name) or otherwise
    if not found or not Path(found).exists():
        sys.exit(f"{name} is not on this machine; install it, or say in {name.upper()} where it is")
    return found


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def listening(port, process):
    deadline = time.monotonic() + STARTING_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{process.args[0]} did not start")


def started(processes, command, port, **options):
    processes.append(subprocess.Popen(command, **options))
    listening(port, processes[-1])


def rollcall(processes, folder, option, settings):
    """A server with a way to sign in, and one person in it. Its address."""
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    file = folder / "sign-in.json"
    file.write_text(json.dumps(settings))
    token = OPERATOR["Authorization"].removeprefix("Bearer ")
    started(processes, [program("rollcall"), "serve", "--data-dir", str(folder / "store"), "--listen",
                        f"127.0.0.1:{port}", option, str(file)], port,
            env={**os.environ, "ROLLCALL_OPERATOR_TOKEN": token, "ROLLCALL_LOG": "warn"})
    directory = {"organizations": [{"id": "acme"}], "users": [{"id": "zoe", "email": "zoe@acme.example"}],
                 "members": [{"organizationId": "acme", "userId": "zoe", "role": "developer"}]}
    status, text = Browser().ask(f"{here}/v1/directory", OPERATOR, json.dumps(directory).encode(), "PUT")
    if status != 200:
        sys.exit(f"{status}: {text}")
    return here


def documented(first, instead):
    """The settings of docs/sign-in.md that begin so, with other words where those are of an installation."""
    page = (HOUSE / "docs/sign-in.md").read_text()
    settings = next(block for block in re.findall(r"```apache\n(.*?)```", page, re.S) if block.startswith(first))
    for there, here in instead.items():
        if there not in settings:
            sys.exit(f"docs/sign-in.md has no '{there}' any more")
        settings = settings.replace(there, here)
    return settings


def apache(folder, port, modules, settings):
    """Apache with some modules, and the command that runs it."""
    always = ["mpm_event", "authn_core", "authz_core", "authz_user", "headers", "proxy", "proxy_http", "env"]
    loads = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in [*always, *modules])
    # Started as root, it is to be somebody else.
    as_nobody = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
    folder.chmod(0o755)
    (folder / "apache.conf").write_text(f"""ServerRoot {folder}
{as_nobody}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
Mutex file:{folder} default
{loads}
ProxyPreserveHost On
{settings}""")
    return [program("apache2", "/usr/sbin/apache2"), "-d", str(folder), "-f", str(folder / "apache.conf"), "-D",
            "FOREGROUND"]
