"""The engines Rollcall is compared with: the table each makes, and how each is asked.

    engines.py versions                  prints them, PostgreSQL's left out
    engines.py NAME load DIRECTORY CSV   prints seconds and bytes on disk
    engines.py NAME ask DIRECTORY        reads lines from standard input:
        WAY QUESTION RUNS                  prints that many lines of milliseconds
        print QUESTION WAY                 prints the number of rows, then the rows

Each has the schema and the form of each question that were quickest of those tried. All days are cut by the engine's
own knowledge of Europe/Paris, changes of the clock included.
"""

import os
import sys
import time
from pathlib import Path

FIRST, LAST, AFTER = "2025-11-01", "2026-10-31", "2026-11-01"
ORGANIZATION, MEMBER, KEY, ZONE = "northwind", "user-7", "key-99", "Europe/Paris"
QUESTIONS = "ABCDEF"


class Postgres:
    """Ids instead of names, so that rows are short; a covering index for single keys; every row read from an index or
    in order. Days come first and read the rows of their hours: that is twice as quick as taking each row's date."""

    ways = ("one",)

    def connect(self, directory):
        import psycopg

        # The directory is that of the socket.
        self.connection = psycopg.connect(host=str(directory), dbname="postgres", user="postgres", autocommit=True)
        for setting in (
            "max_parallel_workers_per_gather = 0",
            "jit = off",  # no quicker with it
            "work_mem = '256MB'",
            "maintenance_work_mem = '512MB'",
            # The organizations are of very different sizes.
            "plan_cache_mode = force_custom_plan",
        ):
            self.connection.execute(f"set {setting}")

    def load(self, csv):
        execute = self.connection.execute
        execute("create table organization (id smallint primary key, name text not null unique)")
        execute("create table model (id smallint primary key, name text not null unique)")
        execute(
            """create table api_key (id integer primary key, organization_id smallint not null references organization,
               name text not null, project text not null, member text, unique (organization_id, name))"""
        )
        # The widest columns first: no padding.
        execute(
            """create table rollup (hour timestamptz not null, requests bigint not null, total_tokens bigint not null,
               cost bigint not null, api_key_id integer not null, organization_id smallint not null,
               model_id smallint not null)"""
        )
        execute(
            """create unlogged table staging (organization text, hour bigint, project text, api_key text, member text,
               model text, requests bigint, total_tokens bigint, cost bigint)"""
        )
        with open(csv, "rb") as file:
            with self.connection.cursor().copy("copy staging from stdin (format csv, header)") as copy:
                while part := file.read(1 << 20):
                    copy.write(part)
        for name in ("organization", "model"):
            execute(
                f"""insert into {name} select row_number() over (order by {name}), {name}
                    from (select distinct {name} from staging) names"""
            )
        execute(
            """insert into api_key
               select row_number() over (order by organization.id, api_key), organization.id, api_key, project, member
               from (select distinct organization, api_key, project, member from staging) keys
               join organization on organization.name = organization"""
        )
        execute("analyze organization, model, api_key")
        execute(
            """insert into rollup
               select to_timestamp(hour), requests, total_tokens, cost, k.id, o.id, m.id
               from staging join organization o on o.name = organization
               join api_key k on k.organization_id = o.id and k.name = api_key join model m on m.name = model
               order by o.id, hour, k.id, m.id"""
        )
        execute("alter table rollup add primary key (organization_id, hour, api_key_id, model_id)")
        execute(
            """create index on rollup (organization_id, api_key_id, hour)
               include (model_id, requests, total_tokens, cost)"""
        )
        execute("drop table staging")
        execute("vacuum analyze rollup")
        execute("checkpoint")

    def size(self, _):
        tables = "('rollup'), ('organization'), ('model'), ('api_key')"
        sizes = f"select sum(pg_total_relation_size(name::regclass)) from (values {tables}) as tables (name)"
        return int(self.connection.execute(sizes).fetchone()[0])

    def question(self, name):
        organization = f"(select id from organization where name = '{ORGANIZATION}')"
        sums = "sum(requests) as requests, sum(total_tokens) as total_tokens, sum(cost) as cost"
        if name in "EF":
            keys = f"member = '{MEMBER}'" if name == "E" else f"name = '{KEY}'"
            return f"""
                select day, model.name, requests, total_tokens, cost
                from (
                    select (hour at time zone '{ZONE}')::date as day, model_id, {sums}
                    from rollup
                    where organization_id = {organization}
                      and api_key_id = any (array(
                          select id from api_key where organization_id = {organization} and {keys}
                      ))
                      and hour >= timestamp '{FIRST}' at time zone '{ZONE}'
                      and hour < timestamp '{AFTER}' at time zone '{ZONE}'
                    group by 1, 2
                ) sums join model on model.id = model_id"""
        dimension, group = {
            "A": ("api_key", "project"), "B": ("model", "name"), "C": ("api_key", "name"), "D": ("api_key", "member")
        }[name]
        return f"""
            with days as materialized (
                select day::date, day at time zone '{ZONE}' as first,
                    (day + interval '1 day') at time zone '{ZONE}' as after
                from generate_series(timestamp '{FIRST}', timestamp '{LAST}', interval '1 day') as days (day)
            )
            select day, {dimension}.{group}, sum(requests), sum(total_tokens), sum(cost)
            from days cross join lateral (
                select {dimension}_id, {sums}
                from rollup
                where organization_id = {organization} and hour >= first and hour < after
                group by 1
            ) sums join {dimension} on {dimension}.id = {dimension}_id
            group by 1, 2"""

    def run(self, question, way):
        # The whole answer is at the client by then, not yet made into Python's objects.
        return self.connection.cursor(binary=True).execute(question, prepare=True)

    def rows(self, question, way):
        return self.run(question, way).fetchall()


class DuckDB:
    """Names are ENUMs, all known in advance, which is quicker than text and than ids. Sorted by key and hour, so that a
    key's rows lie together, in a file of one table. A day is looked up by the hour: one row's date at a time is four
    times as slow, unless rows are few."""

    ways = ("one", "default")

    def connect(self, directory):
        import duckdb

        self.connection = duckdb.connect(str(directory / "rollups.duckdb"))
        self.threads = {"default": self.connection.sql("select current_setting('threads')").fetchall()[0][0], "one": 1}

    def load(self, csv):
        execute = self.connection.execute
        names = ("organization", "project", "api_key", "member", "model")
        columns = {name: "VARCHAR" if name in names else "BIGINT" for name in header(csv)}
        # Temporary tables are not in the file.
        execute(f"create temporary table staging as from read_csv('{csv}', header = true, columns = {columns})")
        for name in names:
            execute(
                f"create type {name} as enum (select distinct {name} from staging where {name} is not null order by 1)"
            )
        typed = ", ".join(f"{name}::{name} as {name}" for name in names)
        execute(
            f"""create table rollup as
                select {typed}, make_timestamptz(hour * 1000000) as hour, requests, total_tokens, cost
                from staging order by organization, api_key, hour, model"""
        )
        execute("drop table staging")
        execute("analyze")
        execute("checkpoint")

    def size(self, directory):
        return disk_usage(directory)

    def question(self, name):
        group, only = grouped(name)
        # Sums of BIGINT are HUGEINT.
        day, join, hours = f"timezone('{ZONE}', hour)::date", "", ""
        if name not in "EF":
            hours = f"""
                with hours as (
                    select hour, timezone('{ZONE}', hour)::date as day
                    from generate_series(timezone('{ZONE}', timestamp '{FIRST}'),
                        timezone('{ZONE}', timestamp '{AFTER}') - interval 1 hour, interval 1 hour) as hours (hour)
                )"""
            day, join = "day", "join hours using (hour)"
        return f"""
            {hours}
            select {day} as day, {group}, sum(requests), sum(total_tokens), sum(cost)
            from rollup {join}
            where organization = '{ORGANIZATION}' {only}
              and hour >= timezone('{ZONE}', timestamp '{FIRST}') and hour < timezone('{ZONE}', timestamp '{AFTER}')
            group by all"""

    def prepare(self, way):
        self.connection.execute(f"set threads = {self.threads[way]}")

    def run(self, question, way):
        return self.connection.sql(question).to_arrow_table()

    def rows(self, question, way):
        return self.connection.sql(question).fetchall()


class ClickHouse:
    """MergeTree in order of key and hour: quicker on all six than in order of hour and key with a projection."""

    ways = ("one", "default")

    def connect(self, directory):
        from chdb import session

        self.session = session.Session(str(directory / "chdb"))

    def load(self, csv):
        query = self.session.query
        query("create database rollups")
        query(
            """create table rollups.rollup (
                   organization LowCardinality(String), hour DateTime('UTC') codec (Delta, LZ4),
                   project LowCardinality(String), api_key LowCardinality(String),
                   member LowCardinality(Nullable(String)), model LowCardinality(String),
                   requests UInt64, total_tokens UInt64, cost Int64
               )
               engine = MergeTree order by (organization, api_key, hour, model)"""
        )
        query(f"insert into rollups.rollup select * from file('{csv}', 'CSVWithNames')")
        query("optimize table rollups.rollup final")

    def size(self, _):
        sizes = "select sum(bytes_on_disk) from system.parts where active and database = 'rollups'"
        return int(self.session.query(sizes, "TSV").data())

    def question(self, name):
        group, only = grouped(name)
        # Sums of Int64 are Int64 and wrap.
        return f"""
            select toDate(hour, '{ZONE}') as day, {group}, sum(requests), sum(total_tokens), sum(toInt128(cost))
            from rollups.rollup
            where organization = '{ORGANIZATION}' {only}
              and hour >= toDateTime('{FIRST} 00:00:00', '{ZONE}') and hour < toDateTime('{AFTER} 00:00:00', '{ZONE}')
            group by day, {group}"""

    def run(self, question, way, answer_format="Native"):
        settings = " settings max_threads = 1" if way == "one" else ""
        return self.session.query(question + settings, answer_format)

    def rows(self, question, way):
        return [line.split("\t") for line in self.run(question, way, "TSV").data().splitlines()]


class SQLite:
    """Ids, WITHOUT ROWID in order of the hour, and a covering index in order of the key. It adds up 64 bits and stops
    at an overflow, so cost is in two columns of 32 bits, added up apart. Of zones it knows that of the process."""

    ways = ("one",)

    def connect(self, directory):
        os.environ["TZ"] = ZONE
        time.tzset()
        import sqlite3

        self.connection = sqlite3.connect(directory / "rollups.sqlite", isolation_level=None)
        for setting in (
            "page_size = 8192",
            "journal_mode = wal",
            "cache_size = -1000000",
            f"mmap_size = {1 << 32}",
            "temp_store = memory",
        ):
            self.connection.execute(f"pragma {setting}")

    def load(self, csv):
        import csv as reader

        execute, many = self.connection.execute, self.connection.executemany
        execute("begin")
        execute("create table organization (id integer primary key, name text not null unique)")
        execute("create table model (id integer primary key, name text not null unique)")
        execute(
            """create table api_key (id integer primary key, organization_id integer not null, name text not null,
               project text not null, member text, unique (organization_id, name))"""
        )
        execute(
            """create table rollup (organization_id integer not null, hour integer not null,
               api_key_id integer not null, model_id integer not null, requests integer not null,
               total_tokens integer not null, cost_high integer not null, cost_low integer not null,
               primary key (organization_id, hour, api_key_id, model_id)) without rowid"""
        )
        organizations, keys, models = {}, {}, {}

        def rows(file):
            for organization, hour, project, key, member, model, requests, tokens, cost in file:
                organization = organizations.setdefault(organization, len(organizations) + 1)
                key = keys.setdefault((organization, key, project, member or None), len(keys) + 1)
                model = models.setdefault(model, len(models) + 1)
                cost = int(cost)
                yield organization, int(hour), key, model, int(requests), int(tokens), cost >> 32, cost & 0xFFFFFFFF

        with open(csv, newline="") as file:
            file.readline()
            many("insert into rollup values (?, ?, ?, ?, ?, ?, ?, ?)", rows(reader.reader(file)))
        many("insert into organization values (?, ?)", [(id, name) for name, id in organizations.items()])
        many("insert into model values (?, ?)", [(id, name) for name, id in models.items()])
        many("insert into api_key values (?, ?, ?, ?, ?)", [(id, *key) for key, id in keys.items()])
        execute(
            """create index rollup_by_key on rollup (organization_id, api_key_id, hour, model_id, requests,
               total_tokens, cost_high, cost_low)"""
        )
        execute("commit")
        execute("analyze")
        execute("pragma wal_checkpoint(truncate)")

    def size(self, directory):
        return disk_usage(directory)

    def question(self, name):
        organization = f"(select id from organization where name = '{ORGANIZATION}')"
        sums = """sum(requests) as requests, sum(total_tokens) as total_tokens, sum(cost_high) as cost_high,
            sum(cost_low) as cost_low"""
        dimension, group = {
            "A": ("api_key", "project"), "C": ("api_key", "name"), "D": ("api_key", "member")
        }.get(name, ("model", "name"))
        hours = "hour >= first and hour < after"
        source = f"days cross join rollup on organization_id = {organization} and {hours}"
        if name in "EF":
            only = f"member = '{MEMBER}'" if name == "E" else f"name = '{KEY}'"
            source = f"""
                (select id from api_key where organization_id = {organization} and {only}) keys cross join days
                cross join rollup indexed by rollup_by_key
                on organization_id = {organization} and api_key_id = keys.id and {hours}"""
        return f"""
            with recursive dates (day) as (
                values ('{FIRST}') union all select date(day, '+1 day') from dates where day < '{LAST}'
            ), days (day, first, after) as materialized (
                select day, unixepoch(day, 'utc'), unixepoch(day, '+1 day', 'utc') from dates
            )
            select day, {dimension}.{group}, sum(requests), sum(total_tokens), sum(cost_high), sum(cost_low)
            from (select day, {dimension}_id, {sums} from {source} group by 1, 2) sums
            join {dimension} on {dimension}.id = {dimension}_id
            group by 1, 2"""

    def run(self, question, way):
        return self.connection.execute(question).fetchall()

    def rows(self, question, way):
        rows = self.run(question, way)
        return [(day, group, requests, tokens, (high << 32) + low) for day, group, requests, tokens, high, low in rows]


ENGINES = {"postgresql": Postgres, "duckdb": DuckDB, "clickhouse": ClickHouse, "sqlite": SQLite}


def grouped(name):
    """The column and the condition of a question, where rows have names."""
    group = {"A": "project", "C": "api_key", "D": "member"}.get(name, "model")
    return group, {"E": f"and member = '{MEMBER}'", "F": f"and api_key = '{KEY}'"}.get(name, "")


def header(csv):
    with open(csv) as file:
        return file.readline().strip().split(",")


def disk_usage(directory):
    return sum(512 * file.stat().st_blocks for file in Path(directory).rglob("*") if file.is_file())


def ask(engine):
    questions = {name: engine.question(name) for name in QUESTIONS}
    for line in sys.stdin:
        match line.split():
            case ["print", name, way]:
                prepare(engine, way)
                rows = engine.rows(questions[name], way)
                print(len(rows))
                for day, group, requests, tokens, cost in rows:
                    print(f"{day},{group},{int(requests)},{int(tokens)},{int(cost)}")
            case [way, name, runs]:
                prepare(engine, way)
                for _ in range(int(runs)):
                    started = time.perf_counter()
                    answer = engine.run(questions[name], way)
                    print(f"{(time.perf_counter() - started) * 1e3:.4f}")
                    del answer
        sys.stdout.flush()


def prepare(engine, way):
    if hasattr(engine, "prepare"):
        engine.prepare(way)


def versions():
    import chdb
    import duckdb
    import sqlite3

    clickhouse = chdb.query("select version()", "TSV").data().strip()
    clickhouse = f"ClickHouse {clickhouse} (chdb {chdb.__version__})"
    return f"DuckDB {duckdb.__version__}, {clickhouse}, SQLite {sqlite3.sqlite_version}"


def main():
    if sys.argv[1:] == ["versions"]:
        print(versions())
        return
    name, what, directory, *csv = sys.argv[1:]
    engine, directory = ENGINES[name](), Path(directory)
    if what == "ask":
        engine.connect(directory)
        ask(engine)
    else:
        started = time.perf_counter()
        engine.connect(directory)
        engine.load(*csv)
        print(f"{time.perf_counter() - started:.1f} {engine.size(directory)}")


if __name__ == "__main__":
    main()
