#!/usr/bin/env bash
# On which local day a call was made depends on the engine that is asked: five, all the newest, give three answers.
#
# tzdata 2026.6, duckdb 2.0.1, chdb 4.4.0, polars 2.1.0 (PyPI), node 26.10.0 (npm).
#
# Several zones got new rules in the course of 2026, five of which are asked here. Each of these packages carries its
# own copy of the zone database, whatever the system has, and renews it when it is released itself: tzdata 2026.6 is
# IANA's edition 2026f and DuckDB knows as much, Node and chdb (ClickHouse 26.9) are at 2026c, what is compiled into
# Polars comes before all of them. Nobody warns. From November to March the hour next to midnight falls on another day,
# so usage per day differs from engine to engine, though all add up to the same sum; and a service that groups by day in
# one and labels in another (a browser) shows days that don't match. Updating the system's tzdata changes none of them.
# Asked here is a moment half an hour after midnight by the newest rules, for Morocco half an hour before it.
#
# Seen:
#                      tzdata      duckdb      chdb        node        polars
#   America/Vancouver  2026-12-01  2026-12-01  2026-12-01  2026-12-01  2026-11-30
#   America/Edmonton   2026-12-01  2026-12-01  2026-12-01  2026-12-01  2026-11-30
#   America/Winnipeg   2026-12-01  2026-12-01  2026-11-30  2026-11-30  2026-11-30
#   America/Havana     2026-12-01  2026-12-01  2026-11-30  2026-11-30  2026-11-30
#   Africa/Casablanca  2026-11-30  2026-11-30  2026-11-30  2026-11-30  2026-12-01
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages tzdata==2026.6 duckdb==2.0.1 chdb==4.4.0 polars==2.1.0
node_packages node@26.10.0

cat >see.py <<'PYTHON'
import datetime, subprocess, zoneinfo
import chdb, duckdb, polars

zoneinfo.reset_tzpath(to=[])  # the package, not the system's files
MOMENTS = [
    ("America/Vancouver", "2026-12-01 07:30:00"),
    ("America/Edmonton", "2026-12-01 06:30:00"),
    ("America/Winnipeg", "2026-12-01 05:30:00"),
    ("America/Havana", "2026-12-01 04:30:00"),
    ("Africa/Casablanca", "2026-11-30 23:30:00"),
]
NODE = "console.log(new Date(process.argv[2]).toLocaleDateString('sv-SE', { timeZone: process.argv[1] }))"

print(" " * 19 + "".join(f"{engine:12}" for engine in ["tzdata", "duckdb", "chdb", "node", "polars"]).rstrip())
for zone, text in MOMENTS:
    moment = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
    days = [
        moment.astimezone(zoneinfo.ZoneInfo(zone)).date(),
        duckdb.sql(f"SELECT (TIMESTAMPTZ '{text}+00' AT TIME ZONE '{zone}')::DATE").fetchall()[0][0],
        chdb.query(f"SELECT toDate(toDateTime('{text}', 'UTC'), '{zone}')", "TSV").data().strip(),
        subprocess.check_output(["node", "-e", NODE, zone, moment.isoformat()], text=True).strip(),
        polars.Series([moment]).dt.convert_time_zone(zone).dt.date()[0],
    ]
    print(f"{zone:19}" + "  ".join(str(day) for day in days))
PYTHON

still_prints python see.py
