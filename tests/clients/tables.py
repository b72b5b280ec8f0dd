"""Programs that read tables: by a link, without a token, every digit of every amount."""

import json
import os
import subprocess
import sys
from pathlib import Path

import packages
from rollcall import OPERATOR

HERE = Path(__file__).resolve().parent
TABLES = ["duckdb==2.0.1", "polars==2.1.0", "pandas==3.1.1", "pyarrow==26.0.1"]
ORGANIZATION = "tables"
COSTS = ["10000000"] * 31 + ["3.299999999978"]
TOTAL = "310000003.299999999978"
JUNE = "from=2026-06-01&to=2026-06-30"
SECONDS = 120


def run(server, _provider, logs):
    """What was read that is not so."""
    call = {"timestamp": "2026-06-01T10:00:00Z", "organizationId": ORGANIZATION, "projectId": "web", "usedModel": "openai/gpt-4o"}
    # An id that looks like a number, and a name with a quote in it.
    events = [{**call, "id": f"t{i}", "cost": cost, "apiKeyId": f"00{i}"} for i, cost in enumerate(COSTS)]
    assert server.ask("POST", "/v1/events", events)["accepted"] == len(COSTS)
    server.ask("PUT", "/v1/directory", {"projects": [{"id": "web", "organizationId": ORGANIZATION, "name": 'The "web", and more'}]})

    def link(question, format):
        return server.ask("POST", "/v1/links", {"organizationId": ORGANIZATION, "question": question, "format": format})["url"]

    export = f"/analytics/export?{JUNE}"
    links = {"CSV": link(export, "csv"), "PARQUET": link(export, "parquet"), "JSON": link(f"/analytics/activity?{JUNE}&decimals=string", "json")}
    log = logs / "tables.log"
    folder = packages.pypi("tables", TABLES, log)
    settings = {**os.environ, **links, "ROLLCALL_URL": server.url, "ROLLCALL_TOKEN": OPERATOR, "ORGANIZATION": ORGANIZATION}
    with open(log, "a") as written:
        done = subprocess.run([folder / "bin" / "python", HERE / "table.py"], env=settings, stdout=subprocess.PIPE,
                              stderr=written, text=True, timeout=SECONDS)
    if done.returncode != 0:
        sys.exit(f"a program that reads tables failed; see {log}")
    got = json.loads(done.stdout)
    for who, total in got.items():
        print(f"{who}: {total}")
    return [f"{who} read {total}, not {TOTAL}" for who, total in got.items() if total != TOTAL]
