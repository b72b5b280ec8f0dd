#!/usr/bin/env python3
"""Asks Rollcall, PostgreSQL, DuckDB, ClickHouse's engine and SQLite the same questions about the same rollups, in turn,
and fails if any sum differs. `make compare` runs it; README.md says what it needs."""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "bench" / "compare"
CSV = WORK / "rollups.csv"
POSTGRESQL = Path("/usr/lib/postgresql/15/bin")
# Loading leaves others on the machine their turn.
NICE = ["nice", "-n", "10"]

QUESTIONS = {
    "A": "by project",
    "B": "by model",
    "C": "by API key",
    "D": "by member",
    "E": "one member by model",
    "F": "one key by model",
}
# Who is asked, how, and the name in the tables. Ours are apart from each other, so that none warms the next.
TURNS = [
    ("rollcall", "rows", "Rollcall, complete answer"),
    ("postgresql", "one", "PostgreSQL"),
    ("rollcall", "activity", "Rollcall, rows not visited"),
    ("duckdb", "one", "DuckDB, 1 thread"),
    ("clickhouse", "one", "ClickHouse, 1 thread"),
    ("rollcall", "sums", "Rollcall, sums only"),
    ("duckdb", "default", "DuckDB, default threads"),
    ("clickhouse", "default", "ClickHouse, default threads"),
    ("sqlite", "one", "SQLite"),
]
OURS = ("rollcall", "rows")
OTHERS = ["postgresql", "duckdb", "clickhouse", "sqlite"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=9, help="timed runs of each question by each (default 9)")
    arguments.add_argument("--keep", action="store_true", help="leave the others' databases in target/bench/compare")
    arguments = arguments.parse_args()
    if not (POSTGRESQL / "pg_ctl").exists():
        sys.exit(f"{POSTGRESQL} is not there: install the package postgresql-15")

    WORK.mkdir(parents=True, exist_ok=True)
    python = environment()
    ours = build()
    rows, events = run([*NICE, ours, "export", CSV]).split()
    say(f"{int(rows):,} rollup rows of {int(events):,} events, {CSV.stat().st_size / 1e6:.0f} MB as CSV")

    with ExitStack() as stack:
        directories = {name: fresh_directory(WORK / name) for name in OTHERS}
        if not arguments.keep:
            for directory in directories.values():
                stack.callback(shutil.rmtree, directory)
        directories["postgresql"] = stack.enter_context(cluster(directories["postgresql"]))

        loads = {}
        seconds, making_up, size = run([*NICE, ours, "load"]).split()
        loads["rollcall"] = float(seconds), int(size)
        for name in OTHERS:
            seconds, size = run([*NICE, python, HERE / "engines.py", name, "load", directories[name], CSV]).split()
            loads[name] = float(seconds), int(size)
            say(f"{name} loaded in {seconds} s")

        workers = {"rollcall": stack.enter_context(worker([ours, "ask"]))}
        for name in OTHERS:
            command = [python, HERE / "engines.py", name, "ask", directories[name]]
            workers[name] = stack.enter_context(worker(command))
        counts = {name: check(workers, name) for name in QUESTIONS}
        before = os.getloadavg()
        times = {name: measure(workers, name, arguments.runs) for name in QUESTIONS}
        after = os.getloadavg()

    report(times, counts, loads, float(making_up), before, after, arguments.runs, python)


def environment():
    """The Python with the other engines in it."""
    directory = WORK / "venv"
    python, wanted = directory / "bin" / "python", HERE / "requirements.txt"
    installed = directory / "requirements.txt"
    if not installed.exists() or installed.read_text() != wanted.read_text():
        venv.create(directory, clear=True, with_pip=True)
        run([python, "-m", "pip", "install", "--quiet", "--requirement", wanted])
        shutil.copy(wanted, installed)
    return python


def build():
    """Our side, as a program."""
    command = ["cargo", "bench", "--locked", "--bench", "compare", "--no-run", "--message-format", "json"]
    for line in run([*NICE, *command]).splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and message["target"]["name"] == "compare":
            return message["executable"]
    sys.exit("cargo built no bench named compare")


@contextmanager
def cluster(directory):
    """A PostgreSQL of our own that listens on a socket only. Gives the socket's directory."""
    # PostgreSQL does not run as root. The path of a socket has a hundred bytes at most, so it is not below ours.
    root = os.geteuid() == 0
    who = {"user": "postgres", "group": "postgres", "extra_groups": []} if root else {}
    with tempfile.TemporaryDirectory(prefix="rollcall-compare-") as socket:
        if root:
            shutil.chown(directory, "postgres", "postgres")
            shutil.chown(socket, "postgres", "postgres")
        data = directory / "data"
        initdb = ["--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-locale"]
        run([POSTGRESQL / "initdb", "--pgdata", data, *initdb], cwd=directory, **who)
        settings = {
            "listen_addresses": "''",
            "unix_socket_directories": socket,
            "shared_buffers": "2GB",
            "max_wal_size": "8GB",
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        control = [POSTGRESQL / "pg_ctl", "--pgdata", data, "--wait"]
        run([*control, "--log", directory / "log", "--options", options, "start"], cwd=directory, **who)
        try:
            yield Path(socket)
        finally:
            run([*control, "--mode", "fast", "stop"], cwd=directory, **who)


@contextmanager
def worker(command):
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait()


def tell(process, line):
    process.stdin.write(line + "\n")
    process.stdin.flush()


def hear(process):
    if line := process.stdout.readline():
        return line.rstrip("\n")
    sys.exit(f"{process.args} stopped")


def answer_of(process, question, way=None):
    tell(process, f"print {question} {way}" if way else f"print {question}")
    return sorted(hear(process) for _ in range(int(hear(process))))


def check(workers, question):
    """That all have the same rows with the same sums. How many rows."""
    ours = answer_of(workers["rollcall"], question)
    if not ours:
        sys.exit(f"{question} has no rows")
    for name, way, title in TURNS:
        if name == "rollcall":
            continue
        theirs = answer_of(workers[name], question, way)
        if theirs != ours:
            different = sorted(set(ours) ^ set(theirs))
            sys.exit(f"{question}: {title} differs from Rollcall in {len(different)} rows, such as {different[:4]}")
    say(f"{question}: {len(ours):,} rows, the same from all")
    return len(ours)


def measure(workers, question, runs):
    times = {(name, way): [] for name, way, _ in TURNS}
    for round_ in range(runs + 1):
        for name, way, _ in TURNS:
            tell(workers[name], f"{way} {question} 1")
            time = float(hear(workers[name]))
            # The first round warms up.
            if round_ > 0:
                times[name, way].append(time)
    say(f"{question} measured")
    return times


def report(times, counts, loads, making_up, before, after, runs, python):
    print(f"\nMilliseconds, median (minimum) of {runs} runs in turn.\n")
    print("| | " + " | ".join(f"{q} {what}" for q, what in QUESTIONS.items()) + " |")
    print("|---" * (len(QUESTIONS) + 1) + "|")
    print("| rows in the answer | " + " | ".join(f"{counts[q]:,}" for q in QUESTIONS) + " |")
    ordered = sorted(TURNS, key=lambda turn: turn[0] != "rollcall")
    for name, way, title in ordered:
        cells = [times[q][name, way] for q in QUESTIONS]
        print(f"| {title} | " + " | ".join(f"{short(statistics.median(t))} ({short(min(t))})" for t in cells) + " |")
    print("\nMedians as multiples of Rollcall's complete answer.\n")
    print("| | " + " | ".join(QUESTIONS) + " |")
    print("|---" * (len(QUESTIONS) + 1) + "|")
    for name, way, title in ordered:
        if name != "rollcall":
            ratios = [statistics.median(times[q][name, way]) / statistics.median(times[q][OURS]) for q in QUESTIONS]
            print(f"| {title} | " + " | ".join(short(ratio) for ratio in ratios) + " |")
    print("\n| | load s | on disk MB |\n|---|---|---|")
    for name, (seconds, size) in loads.items():
        print(f"| {name} | {seconds:.0f} | {size / 1e6:,.0f} |")
    print(f"\nRollcall's {loads['rollcall'][0]:.0f} s are from events, and {making_up:.0f} s of them make these up.")
    cpu = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    print(f"{len(cpu)} x {cpu[0]}, {memory:.0f} GiB, Linux {platform.release()}")
    postgresql = run([POSTGRESQL / "postgres", "--version"]).split()[2]
    others = run([python, HERE / "engines.py", "versions"]).strip()
    print(f"PostgreSQL {postgresql}, {others}, Python {platform.python_version()}")
    print(f"Load average {before[0]:.2f} before the questions, {after[0]:.2f} after (about 1 is ours)")


def short(number):
    """Three digits."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def fresh_directory(directory):
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    return directory


def run(command, **options):
    options.setdefault("cwd", ROOT)
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"failed: {' '.join(str(part) for part in command)}\n{done.stdout}")
    return done.stdout


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
