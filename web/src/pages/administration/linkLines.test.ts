import { expect, test } from "vitest";
import { linesFor } from "./linkLines";

test.each([
  ["csv", ["sheets", "excel", "duckdb"]],
  ["json", ["excel", "duckdb"]],
  ["parquet", ["excel", "duckdb"]],
] as const)("%s is read by %j", (format, programs) => {
  const url = `https://rollcall.example/v1/links/rc_link_1.${format}`;
  const lines = linesFor(url, format);
  expect(lines.map(({ where }) => where)).toEqual(programs);
  for (const { code } of lines) expect(code).toContain(url);
});

test("an amount keeps its digits in DuckDB", () => {
  expect(linesFor("u.csv", "csv").at(-1)?.code).toContain("'cost': 'DECIMAL(38, 12)'");
});
