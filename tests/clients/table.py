"""What programs read by a link, each with the line that docs/clients.md has for it; run by tables.py in an environment of
its own."""

import io
import json
import os
import urllib.request
from decimal import Decimal

import chdb
import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq

CSV, PARQUET, JSON = (os.environ[name] for name in ["CSV", "PARQUET", "JSON"])
url, token, organization = (os.environ[name] for name in ["ROLLCALL_URL", "ROLLCALL_TOKEN", "ORGANIZATION"])


def first(query):
    return str(duckdb.sql(query).fetchall()[0][0])


def clickhouse(query):
    return chdb.query(query, "TSVRaw").bytes().decode().strip()


def fetched(address):
    return io.BytesIO(urllib.request.urlopen(address, timeout=60).read())


def snippet():
    question = f"{url}/analytics/activity?organizationId={organization}&from=2026-06-01&to=2026-06-30"
    request = urllib.request.Request(question, headers={"authorization": f"Bearer {token}"})
    return str(json.load(urllib.request.urlopen(request), parse_float=Decimal)["totals"]["cost"])


def has_httpfs():
    try:
        duckdb.sql("INSTALL httpfs; LOAD httpfs;")
        return True
    except duckdb.Error:
        return False


got = {
    "Python, as docs/clients.md has it": snippet(),
    "json": json.load(urllib.request.urlopen(JSON))["totals"]["cost"],
    "pandas, CSV": str(pd.read_csv(CSV, dtype={"cost": str, "apiKeyId": str})["cost"].map(Decimal).sum()),
    "pandas, Parquet": str(pd.read_parquet(fetched(PARQUET))["cost"].sum()),
    "Polars, CSV": str(pl.read_csv(CSV, schema_overrides={"cost": pl.Decimal(38, 12)})["cost"].sum()),
    # By parts: the end of the file, and then what is needed of it.
    "Polars, Parquet scanned": str(pl.scan_parquet(PARQUET).select(pl.col("cost").sum()).collect().item()),
    "ClickHouse, CSV": clickhouse(f"SELECT sum(cost) FROM url('{CSV}', CSVWithNames, 'cost Decimal(38, 12)')"),
    "ClickHouse, Parquet": clickhouse(f"SELECT sum(cost) FROM url('{PARQUET}', Parquet)"),
    "pyarrow, Parquet": str(sum(pq.read_table(fetched(PARQUET))["cost"].to_pylist())),
}
keys = pd.read_csv(CSV, dtype={"cost": str, "apiKeyId": str})["apiKeyId"]
assert set(keys) == {f"00{i}" for i in range(32)}, "ids that look like numbers stay text"
names = set(pl.read_csv(CSV)["projectName"])
assert names == {'The "web", and more'}, names
if has_httpfs():
    got["DuckDB, CSV"] = first(f"SELECT sum(cost) FROM read_csv('{CSV}', types = {{'cost': 'DECIMAL(38, 12)'}})")
    got["DuckDB, Parquet scanned"] = first(f"SELECT sum(cost) FROM read_parquet('{PARQUET}')")
else:
    # Its extension for addresses comes from its own server, which not every machine reaches: the files at least.
    for name, address in {"usage.csv": CSV, "usage.parquet": PARQUET}.items():
        with open(os.path.join(os.environ.get("TMPDIR", "/tmp"), f"rollcall-{os.getpid()}-{name}"), "wb") as file:
            file.write(fetched(address).read())
        read = f"read_csv('{file.name}', types = {{'cost': 'DECIMAL(38, 12)'}})" if name.endswith("csv") else f"'{file.name}'"
        got[f"DuckDB, {name}"] = first(f"SELECT sum(cost) FROM {read}")
        os.unlink(file.name)
print(json.dumps(got))
