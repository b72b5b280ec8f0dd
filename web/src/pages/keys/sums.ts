import type { KeyRow } from "../../api/keys";
import type { WithErrors } from "../../api/blocks";
import { exactText, parseExact } from "../../api/exact";

const ZERO = { cost: 0, requestCount: 0, totalTokens: 0, errorCount: 0, clientErrorCount: 0, unpricedRequestCount: 0 };
const PICO = 12;

/** A narrowed list has a foot of its own; money is added as whole picodollars, so no digit is lost. */
export function sumOf(rows: readonly KeyRow[]): WithErrors {
  const counts = { ...ZERO };
  let cost = 0n;
  for (const row of rows) {
    counts.requestCount += row.requestCount;
    counts.totalTokens += row.totalTokens;
    counts.errorCount += row.errorCount;
    counts.clientErrorCount += row.clientErrorCount;
    counts.unpricedRequestCount += row.unpricedRequestCount ?? 0;
    cost += picodollars(exactText(row, "cost"));
  }
  const { cost: _, ...rest } = counts;
  return parseExact(`{"cost":${decimal(cost)},${JSON.stringify(rest).slice(1)}`) as WithErrors;
}

function picodollars(text: string): bigint {
  const [whole = "0", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(PICO, "0"));
}

function decimal(pico: bigint): string {
  const digits = String(pico).padStart(PICO + 1, "0");
  return `${digits.slice(0, -PICO)}.${digits.slice(-PICO)}`.replace(/\.?0+$/, "");
}
