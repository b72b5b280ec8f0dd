"""Programs that read tables: by a link, without a token, every digit of every amount. Spark and FOCUS's validator, which
read no addresses, get files."""

import json
import os
import subprocess
import shutil
import sys
import tempfile
import urllib.request
from pathlib import Path

import packages
from rollcall import OPERATOR

HERE = Path(__file__).resolve().parent
TABLES = ["duckdb==2.0.1", "polars==2.1.0", "pandas==3.1.1", "pyarrow==26.0.1", "chdb==4.4.0"]
# Runs on Java 17 or newer.
SPARK = ["pyspark==4.1.1"]
# A newer pyarrow wants a newer NumPy than it allows.
FOCUS, FOCUS_PYTHON = ["focus-validator==2.2.1", "pyarrow==21.0.0"], "3.12"
# The half of its rule on invoices that fails where none is known; see docs/export.md.
FOCUS_FAILS = ["InvoiceId-C-005-C"]
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
    settings = {**os.environ, **links, "ROLLCALL_URL": server.url, "ROLLCALL_TOKEN": OPERATOR, "ORGANIZATION": ORGANIZATION}
    got = ask(packages.pypi("tables", TABLES, log) / "bin" / "python", "table.py", settings, log)
    with tempfile.TemporaryDirectory() as folder:
        files = {"CSV_FILE": ("csv", "usage.csv"), "PARQUET_FILE": ("parquet", "usage.parquet"),
                 "FOCUS_FILE": ("focus", "focus.csv"), "FOCUS_PARQUET_FILE": ("focus-parquet", "focus.parquet")}
        for setting, (format, name) in files.items():
            settings[setting] = f"{folder}/{name}"
            path = f"{server.url}{export}&organizationId={ORGANIZATION}&format={format}"
            request = urllib.request.Request(path, headers={"authorization": f"Bearer {OPERATOR}"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                Path(settings[setting]).write_bytes(answer.read())
        if shutil.which("java"):
            got |= ask(packages.pypi("spark", SPARK, log) / "bin" / "python", "spark.py", settings, log)
        else:
            print("Spark needs Java, which is not on this machine: not run")
        failed = focus(settings, log)
    for who, total in got.items():
        print(f"{who}: {total}")
    differences = [f"{who} read {total}, not {TOTAL}" for who, total in got.items() if total != TOTAL]
    return differences + [f"{who} fails {rules}" for who, rules in failed.items() if rules != FOCUS_FAILS]


def focus(settings, log):
    """The rules that FOCUS's validator says fail, by file."""
    python = packages.python(FOCUS_PYTHON)
    if python is None:
        print(f"FOCUS's validator needs Python {FOCUS_PYTHON}, which is not on this machine: not run")
        return {}
    failed = ask(packages.pypi("focus", FOCUS, log, python) / "bin" / "python", "focus.py", settings, log)
    for who, rules in failed.items():
        print(f"{who}: fails {', '.join(rules)}")
    return failed


def ask(python, program, settings, log):
    """What a program in an environment of its own prints."""
    with open(log, "a") as written:
        done = subprocess.run([python, HERE / program], env=settings, stdout=subprocess.PIPE, stderr=written, text=True,
                              timeout=SECONDS)
    if done.returncode != 0:
        sys.exit(f"{program} failed; see {log}")
    return json.loads(done.stdout)
