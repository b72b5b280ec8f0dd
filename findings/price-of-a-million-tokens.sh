#!/usr/bin/env bash
# Dollars for a million tokens, of one file by one line of SQL: 0, 2, 2.69 or 2.6866666666, by the engine.
#
# chdb 4.4.0, duckdb 2.0.1, datafusion 55.0.0, polars 2.1.0, pyarrow 26.0.1 (PyPI).
#
# A Parquet file has what three keys cost, as decimal(18,2), and their tokens. How many digits a quotient of decimals has is
# each engine's own choice. ClickHouse keeps those of the dividend, so cents by tokens are 0, and a million times 0 is 0;
# DataFusion adds four and cuts the rest, Polars adds six and rounds, DuckDB goes over to binary fractions. None errs or
# warns, and the sums of cost and of tokens agree to the last digit. To multiply first brings the price back, with digits
# that still differ; only a cast to double makes all of them agree. So a dashboard's unit price changes with the engine
# behind it, down to nothing at all, while every total is right.
#
# Seen:
#                                                      chdb          datafusion    polars        duckdb
#   SUM(cost)                                          4.03          4.03          4.03          4.03
#   SUM(tokens)                                        1500000       1500000       1500000       1500000
#   SUM(cost) / SUM(tokens) * 1000000                  0             2.000000      2.69000000    2.6866666666
#   SUM(cost) * 1000000 / SUM(tokens)                  2.68          2.686666      2.68666667    2.6866666666
#   CAST(SUM(cost) AS DOUBLE) / SUM(tokens) * 1000000  2.6866666666  2.6866666666  2.6866666666  2.6866666666
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages chdb==4.4.0 duckdb==2.0.1 datafusion==55.0.0 polars==2.1.0 pyarrow==26.0.1

cat >see.py <<'PYTHON'
from decimal import Decimal

import chdb, datafusion, duckdb, polars, pyarrow, pyarrow.parquet

FILE = "usage.parquet"
cost = pyarrow.array([Decimal("1.20"), Decimal("0.07"), Decimal("2.76")], pyarrow.decimal128(18, 2))
pyarrow.parquet.write_table(pyarrow.table({"cost": cost, "tokens": [600_000, 100_000, 800_000]}), FILE)
frames = datafusion.SessionContext()
frames.register_parquet("usage", FILE)
ENGINES = {
    "chdb": lambda of: chdb.query(f"SELECT {of} FROM file('{FILE}')", "TSV").data().strip(),
    "datafusion": lambda of: frames.sql(f"SELECT {of} AS x FROM usage").collect()[0].column(0)[0].as_py(),
    "polars": lambda of: polars.SQLContext(usage=polars.read_parquet(FILE)).execute(f"SELECT {of} AS x FROM usage", eager=True).item(),
    "duckdb": lambda of: duckdb.sql(f"SELECT {of} FROM '{FILE}'").fetchall()[0][0],
}
EXPRESSIONS = [
    "SUM(cost)",
    "SUM(tokens)",
    "SUM(cost) / SUM(tokens) * 1000000",
    "SUM(cost) * 1000000 / SUM(tokens)",
    "CAST(SUM(cost) AS DOUBLE) / SUM(tokens) * 1000000",
]
print(" " * 51 + "".join(f"{engine:14}" for engine in ENGINES).rstrip())
for expression in EXPRESSIONS:
    found = "  ".join(f"{ask(expression)!s:12.12}" for ask in ENGINES.values())
    print(f"{expression:51}{found}".rstrip())
PYTHON

still_prints python see.py
