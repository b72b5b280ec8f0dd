"""A server of the built binary, what it answers, and the comparison with what should be there."""

import json
import os
import re
import subprocess
import tempfile
import time
import urllib.request
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

# ROLLCALL_BINARY is for whoever works on it and has built another.
BINARY = os.environ.get("ROLLCALL_BINARY", Path(__file__).resolve().parents[2] / "target" / "release" / "rollcall")
START_SECONDS = 60
OPERATOR = "operator-token-of-the-clients"


@dataclass
class Sums:
    """Figures by the names that /analytics/activity gives them."""

    requestCount: int = 0
    errorCount: int = 0
    clientErrorCount: int = 0
    cacheCount: int = 0
    unpricedRequestCount: int = 0
    inputTokens: int = 0
    outputTokens: int = 0
    cachedTokens: int = 0
    reasoningTokens: int = 0
    cost: Decimal = field(default_factory=Decimal)

    def __add__(self, other):
        return Sums(*(getattr(self, name) + getattr(other, name) for name in FIGURES))

    @property
    def totalTokens(self):
        return self.inputTokens + self.outputTokens


FIGURES = [field.name for field in fields(Sums)]
# What the entries of a ranking have of them.
RANKED = ["cost", "requestCount", "totalTokens"]


@dataclass
class Event:
    """A call as it should have been counted."""

    apiKey: str
    user: str | None
    project: str
    model: str
    source: str | None
    sums: Sums


# Dimensions as `groupBy` names them, and their filters.
DIMENSIONS = {"apiKey": "apiKeyId", "user": "userId", "project": "projectId", "model": "model", "source": "source"}


class Rollcall:
    def __init__(self, url, pid):
        self.url, self.pid = url, pid

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {OPERATOR}", "content-type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or "null", parse_float=Decimal)

    def token(self, **ids):
        return self.ask("POST", "/v1/tokens", {"kind": "ingest", **ids})["token"]

    def enter(self, organization, users):
        """Makes people members, by id with their addresses. User ids are the installation's: nobody else may bring them
        into an organization."""
        members = [{"organizationId": organization, "userId": user, "role": "developer"} for user in users]
        organizations = [{"id": organization, "name": organization}]
        users = [{"id": user, "name": user.title(), "email": email} for user, email in users.items()]
        self.ask("PUT", "/v1/directory", {"organizations": organizations, "users": users, "members": members})

    def activity(self, organization, group, **filters):
        today = datetime.now(timezone.utc).date()
        window = {"from": today - timedelta(days=1), "to": today, "groupBy": group, "organizationId": organization}
        return self.ask("GET", f"/analytics/activity?{urlencode({**window, **filters})}")

    def differences(self, organization, events, dimensions=tuple(DIMENSIONS)):
        """Where the answers differ from the events: by every value of the dimensions, and as a whole."""
        found = []

        def compare(what, told, sums, names):
            for name in names:
                expected, actual = getattr(sums, name), told[name]
                if expected != actual:
                    found.append(f"{organization} {what}: {name} is {actual}, not {expected}")

        whole = sum((event.sums for event in events), Sums())
        compare("as a whole", self.activity(organization, "none")["totals"], whole, FIGURES)
        for dimension in dimensions:
            groups = defaultdict(Sums)
            for event in events:
                groups[getattr(event, dimension)] += event.sums
            ranking = {entry["key"]: entry for entry in self.activity(organization, dimension)["ranking"]}
            if ranking.keys() != groups.keys():
                found.append(f"{organization} by {dimension}: {set(ranking)} instead of {set(groups)}")
            for key in ranking.keys() & groups.keys():
                what = f"{dimension} {key}"
                compare(what, ranking[key], groups[key], RANKED)
                if key is not None:
                    totals = self.activity(organization, "none", **{DIMENSIONS[dimension]: key})["totals"]
                    compare(what, totals, groups[key], FIGURES)
        return found


@contextmanager
def rollcall(log):
    """A server on a store of its own, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="rollcall-clients-") as directory, open(log, "w") as written:
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", directory]
        settings = {**os.environ, "ROLLCALL_OPERATOR_TOKEN": OPERATOR, "ROLLCALL_LOG": "info"}
        server = subprocess.Popen(command, env=settings, stderr=written)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not (address := re.search(r"address=(\S+)", log.read_text())):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"the server did not start; see {log}")
                time.sleep(0.05)
            yield Rollcall(f"http://{address[1]}", server.pid)
        finally:
            server.terminate()
            server.wait(timeout=20)
