import type { LinkFormat } from "../../api/links";

export interface Line {
  where: "sheets" | "excel" | "duckdb";
  code: string;
}

/** What programs take to read an address, with every digit of an amount where they can. */
export function linesFor(url: string, format: LinkFormat): Line[] {
  const excel = {
    csv: `Csv.Document(Web.Contents("${url}"), [Encoding = 65001, QuoteStyle = QuoteStyle.Csv])`,
    json: `Json.Document(Web.Contents("${url}"))`,
    parquet: `Parquet.Document(Binary.Buffer(Web.Contents("${url}")))`,
  };
  const duckdb = {
    csv: `FROM read_csv('${url}', types = {'cost': 'DECIMAL(38, 12)'});`,
    json: `FROM read_json('${url}');`,
    parquet: `FROM read_parquet('${url}');`,
  };
  return [
    ...(format === "csv" ? [{ where: "sheets" as const, code: `=IMPORTDATA("${url}")` }] : []),
    { where: "excel", code: `= ${excel[format]}` },
    { where: "duckdb", code: duckdb[format] },
  ];
}
