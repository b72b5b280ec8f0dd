#!/usr/bin/env python3
"""Lets scim2-tester ask the built server what RFC 7643 and RFC 7644 say, for `make test-scim`. ROLLCALL says where the
binary is.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("ROLLCALL", ROOT / "target" / "ci" / "rollcall")
OPERATOR = "operator-token-of-the-scim-tester"
START_SECONDS = 60


def post(url, body):
    headers = {"authorization": f"Bearer {OPERATOR}", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=10) as answer:
        return json.load(answer)


def ask(url):
    token = post(f"{url}/v1/tokens", {"kind": "scim", "organizationId": "acme"})["token"]
    with Client(base_url=f"{url}/scim/v2", headers={"authorization": f"Bearer {token}"}) as client:
        results = check_server(SyncSCIMClient(client))
    wrong = [result for result in results if result.status not in (Status.SUCCESS, Status.SKIPPED)]
    for result in wrong:
        print(f"{result.status.name} {result.resource_type or ''} {result.title}: {result.reason}")
    skipped = {f"{result.title}: {result.reason}" for result in results if result.status == Status.SKIPPED}
    for text in sorted(skipped):
        print(f"skipped {text}")
    print(f"{len(results)} checks, {len(wrong)} found something, {len(skipped)} skipped")
    return not wrong and len(results) > 80


def main():
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "server.log"
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", Path(directory) / "data"]
        environment = {**os.environ, "ROLLCALL_OPERATOR_TOKEN": OPERATOR, "ROLLCALL_LOG": "info"}
        with open(log, "w") as written:
            server = subprocess.Popen(command, env=environment, stderr=written)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not (address := re.search(r"address=(\S+)", log.read_text())):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"the server did not start:\n{log.read_text()}")
                time.sleep(0.05)
            sys.exit(0 if ask(f"http://{address[1]}") else 1)
        finally:
            server.terminate()
            server.wait(timeout=20)


if __name__ == "__main__":
    main()
