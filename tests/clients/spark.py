"""What Spark reads of files, with the line that docs/clients.md has for it; run by tables.py in an environment of its own."""

import json
import os

from pyspark.sql import SparkSession

csv, parquet = os.environ["CSV_FILE"], os.environ["PARQUET_FILE"]
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", False).getOrCreate()
with open(csv) as file:
    header = file.readline().strip().split(",")
schema = ", ".join(f"{name} {'DECIMAL(38,12)' if name == 'cost' else 'STRING'}" for name in header)
tables = {
    "Spark, CSV": spark.read.option("header", True).option("escape", "\"").schema(schema).csv(csv),
    "Spark, Parquet": spark.read.parquet(parquet),
}
got = {who: str(table.agg({"cost": "sum"}).first()[0]) for who, table in tables.items()}
for who, table in tables.items():
    names = {row[0] for row in table.select("projectName").distinct().collect()}
    assert names == {'The "web", and more'}, f"{who}: {names}"
print(json.dumps(got))
