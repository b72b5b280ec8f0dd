import { isDay } from "../time/day";
import { oneOf, searchText } from "./timeWindow";

export const statementGroupings = ["team", "costCentre", "project", "user", "apiKey", "model"] as const;
export type StatementGrouping = (typeof statementGroupings)[number];

export const disclosures = ["names", "pseudonyms", "groups"] as const;
export type Disclosure = (typeof disclosures)[number];

/** A local month as `YYYY-MM`. */
export type Month = string;

/** The page that closes months. */
export interface ClosingView {
  /** Null is the last one that is over. */
  month: Month | null;
  by: StatementGrouping;
  disclosure: Disclosure;
}

export function readClosingView(search: string): ClosingView {
  const params = new URLSearchParams(search);
  const month = params.get("month");
  return {
    month: month !== null && isDay(`${month}-01`) ? month : null,
    by: oneOf(statementGroupings, params.get("by"), "team"),
    disclosure: oneOf(disclosures, params.get("disclosure"), "names"),
  };
}

export function writeClosingView({ month, by, disclosure }: ClosingView): string {
  const params = new URLSearchParams();
  if (month !== null) params.set("month", month);
  if (by !== "team") params.set("by", by);
  if (disclosure !== "names") params.set("disclosure", disclosure);
  return searchText(params);
}
