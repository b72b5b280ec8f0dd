"""Langfuse's observations in a real ClickHouse (PyPI's chdb), exported as users export them, into the folder that is named.

Writes observations.jsonl, .csv and .parquet by the query of docs/import.md, own.parquet as Langfuse's export to blob
storage asks for it, and expected.json: what ClickHouse itself adds up. The table has the columns of Langfuse's migrations
up to 0040; all 94 statements of them run in this ClickHouse as well.
"""

import json
import re
import sys
from pathlib import Path

from chdb import session

HOUSE = Path(__file__).resolve().parents[2]
TABLE = """
CREATE TABLE observations (
    id String, trace_id String, project_id String, environment LowCardinality(String) DEFAULT 'default',
    type LowCardinality(String), parent_observation_id Nullable(String), start_time DateTime64(3),
    end_time Nullable(DateTime64(3)), name String, metadata Map(LowCardinality(String), String),
    level LowCardinality(String), status_message Nullable(String), version Nullable(String), input Nullable(String),
    output Nullable(String), provided_model_name Nullable(String), internal_model_id Nullable(String),
    model_parameters Nullable(String), provided_usage_details Map(LowCardinality(String), UInt64),
    usage_details Map(LowCardinality(String), UInt64), provided_cost_details Map(LowCardinality(String), Decimal64(12)),
    cost_details Map(LowCardinality(String), Decimal64(12)), total_cost Nullable(Decimal64(12)),
    completion_start_time Nullable(DateTime64(3)), prompt_id Nullable(String), prompt_name Nullable(String),
    prompt_version Nullable(UInt16), created_at DateTime64(3) DEFAULT now(), updated_at DateTime64(3) DEFAULT now(),
    event_ts DateTime64(3), is_deleted UInt8, usage_pricing_tier_id Nullable(String),
    usage_pricing_tier_name Nullable(String), tool_definitions Map(String, String) DEFAULT map(),
    tool_calls Array(String) DEFAULT [], tool_call_names Array(String) DEFAULT []
) ENGINE = ReplacingMergeTree(event_ts, is_deleted) PARTITION BY toYYYYMM(start_time)
PRIMARY KEY (project_id, type, toDate(start_time)) ORDER BY (project_id, type, toDate(start_time), id)
"""
COLUMNS = "id, trace_id, project_id, type, parent_observation_id, start_time, end_time, name, metadata, level, input, " \
          "provided_model_name, usage_details, cost_details, total_cost, event_ts, is_deleted"
# Few enough for one body of what is made of them, within which nested ones are known.
# Calls, with kinds of tokens as Langfuse means them: each beside the others.
CALLS = f"""
INSERT INTO observations ({COLUMNS}) SELECT 'o' || n, 't' || intDiv(n, 3), 'p', n % 11 = 0 ? 'EMBEDDING' : 'GENERATION',
    NULL, toDateTime64('2026-06-01 00:00:00.007', 3, 'UTC') + n * 47 AS start_time, NULL, 'call', map('key', 'k' || n % 5, 'said', 'it''s "so"'),
    n % 17 = 0 ? 'ERROR' : 'DEFAULT', 'PROMPT', ['gpt-4o', 'claude-x', 'own "model"'][n % 3 + 1],
    n % 11 = 0 ? map('input', 100 + n, 'total', 100 + n)
               : map('input', 100 + n, 'input_cached_tokens', n % 40, 'output', 7 + n % 90, 'output_reasoning_tokens', n % 6,
                     'total', 107 + n + n % 40 + n % 90 + n % 6),
    map(), toDecimal64(n, 12) / 7 + toDecimal64('0.000000000001', 12), start_time + 5, 0
    FROM (SELECT number AS n FROM numbers(700))
"""
# A framework's own observation around each tenth call, with its tokens again; steps; what was replaced; what was deleted.
MORE = [
    f"""INSERT INTO observations ({COLUMNS}) SELECT 'w' || id, trace_id, project_id, 'GENERATION', NULL, start_time, NULL,
        'wrapper', metadata, 'DEFAULT', NULL, provided_model_name, usage_details, map(), total_cost, event_ts + 2, 0
        FROM observations WHERE toUInt32(substring(id, 2)) % 10 = 0""",
    f"""INSERT INTO observations ({COLUMNS}) SELECT id, trace_id, project_id, type, 'wo' || substring(id, 2), start_time, NULL,
        name, metadata, level, input, provided_model_name, usage_details, map(), total_cost, event_ts + 1, 0
        FROM observations WHERE name = 'call' AND toUInt32(substring(id, 2)) % 10 = 0""",
    f"""INSERT INTO observations ({COLUMNS}) SELECT 's' || number, 't', 'p', 'SPAN', NULL, '2026-06-02 00:00:00', NULL, 'step',
        map(), 'DEFAULT', NULL, NULL, map(), map(), NULL, now64(3), 0 FROM numbers(50)""",
    f"""INSERT INTO observations ({COLUMNS}) SELECT id, trace_id, project_id, type, parent_observation_id, start_time, NULL,
        name, metadata, level, input, provided_model_name, map('input', 1), map(), 99, event_ts - 100, 0
        FROM observations WHERE name = 'call' AND toUInt32(substring(id, 2)) % 9 = 0""",
    f"""INSERT INTO observations ({COLUMNS}) SELECT 'd' || number, 't', 'p', 'GENERATION', NULL, '2026-06-20 00:00:00', NULL,
        'call', map(), 'DEFAULT', NULL, 'gpt-4o', map('input', 1), map(), 1, now64(3), 1 FROM numbers(20)""",
]
SUMS = """
SELECT provided_model_name AS model, count() AS requestCount, toString(sum(total_cost)) AS cost,
    sum(usage_details['input'] + usage_details['input_cached_tokens']) AS inputTokens,
    sum(usage_details['output'] + usage_details['output_reasoning_tokens']) AS outputTokens,
    sum(usage_details['input_cached_tokens']) AS cachedTokens,
    sum(usage_details['output_reasoning_tokens']) AS reasoningTokens, countIf(level = 'ERROR') AS errorCount
FROM observations FINAL WHERE name = 'call' AND is_deleted = 0 GROUP BY model
"""
# Langfuse's own: the newest of each, whatever else; where nothing was deleted.
OWN = """
SELECT id, trace_id, project_id, environment, type, parent_observation_id, start_time, end_time, name, metadata, level,
    status_message, version, input, output, provided_model_name, model_parameters, usage_details, cost_details,
    completion_start_time, prompt_name, prompt_version, total_cost, internal_model_id as model_id, created_at, updated_at,
    prompt_id, tool_calls, tool_call_names, tool_definitions, usage_pricing_tier_name
FROM observations WHERE project_id = 'p' AND start_time >= '2026-06-01 00:00:00' AND start_time <= '2026-06-19 00:00:00'
ORDER BY event_ts DESC LIMIT 1 BY id, project_id, type
SETTINGS output_format_parquet_batch_size = 16, output_format_parquet_max_dictionary_size = 0
"""


def documented():
    """The query that the page shows, without its format."""
    page = (HOUSE / "docs/import.md").read_text()
    return re.search(r'clickhouse-client --query "(SELECT .*?) FORMAT JSONEachRow"', page, re.S).group(1)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir()
    with session.Session(str(folder / "clickhouse")) as clickhouse:
        for statement in ["CREATE DATABASE IF NOT EXISTS default", "USE default", TABLE, CALLS, *MORE]:
            clickhouse.query(statement)
        for name, query, form in [("observations.jsonl", documented(), "JSONEachRow"),
                                  ("observations.csv", documented(), "CSVWithNames"),
                                  ("observations.parquet", documented(), "Parquet"), ("own.parquet", OWN, "Parquet")]:
            (folder / name).write_bytes(clickhouse.query(query, form).bytes())
        rows = clickhouse.query(SUMS, "JSONEachRow").bytes().decode().splitlines()
    sums = {row.pop("model"): row for row in map(json.loads, rows)}
    (folder / "expected.json").write_text(json.dumps(sums))


main()
