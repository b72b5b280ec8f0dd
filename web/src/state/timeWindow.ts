import { comparisons, type Comparison } from "../time/before";
import { isPreset, type Span } from "../time/presets";
import { isDay } from "../time/day";
import { DEFAULT_RANGE, spanFault, type Range, type SpanFault } from "../time/range";

/** What every page shares and every link between pages carries. */
export interface TimeWindow {
  range: Range;
  zone: string;
  comparedWith: Comparison;
}

function readRange(params: URLSearchParams): Range {
  const preset = params.get("range");
  if (preset && isPreset(preset)) return { kind: "preset", preset };
  const from = params.get("from") ?? undefined;
  const to = params.get("to") ?? undefined;
  if (from && to && spanFault(from, to) === null) return { kind: "custom", from, to };
  return DEFAULT_RANGE;
}

/** A part of a link that says which days are meant, and does not. */
export interface LinkFault {
  name: "range" | "from" | "to";
  value: string;
  why: "unknown" | "missing" | SpanFault;
}

/**
 * Why the days of a link are not those that it was made for; null where they are. Figures of other days in their place
 * would be believed.
 */
export function linkFault(params: URLSearchParams): LinkFault | null {
  const [range, from, to] = [params.get("range"), params.get("from"), params.get("to")];
  if (range !== null) return isPreset(range) ? null : { name: "range", value: range, why: "unknown" };
  if (from === null && to === null) return null;
  if (from === null) return { name: "from", value: "", why: "missing" };
  if (to === null) return { name: "to", value: "", why: "missing" };
  if (!isDay(from)) return { name: "from", value: from, why: "incomplete" };
  const why = spanFault(from, to);
  return why && { name: "to", value: to, why };
}

/**
 * What a link does not say has its default, and `linkFault` tells what it says wrongly. Which zones there are only the
 * server knows; see `withKnownZone`.
 */
export function readTimeWindow(params: URLSearchParams, ownZone: string): TimeWindow {
  return {
    range: readRange(params),
    zone: params.get("tz") || ownZone,
    comparedWith: oneOf(comparisons, params.get("with"), "fitting"),
  };
}

/** The same address where the server does not know its zone: in the reader's own, or UTC where that is the one. */
export function withKnownZone(search: string, ownZone: string): string {
  const params = new URLSearchParams(search);
  params.set("tz", readTimeWindow(params, ownZone).zone === ownZone ? "UTC" : ownZone);
  return searchText(params);
}

/** Always written, so that a link means the same days to another reader. */
export function writeTimeWindow({ range, zone, comparedWith }: TimeWindow): URLSearchParams {
  const params = new URLSearchParams();
  if (range.kind === "preset") {
    params.set("range", range.preset);
  } else {
    params.set("from", range.from);
    params.set("to", range.to);
  }
  params.set("tz", zone);
  if (comparedWith !== "fitting") params.set("with", comparedWith);
  return params;
}

/** Slashes are legal in a query, and "Europe/Paris" reads better than "Europe%2FParis". */
export function searchText(params: URLSearchParams): string {
  return params.toString().replaceAll("%2F", "/");
}

export function oneOf<T extends string>(values: readonly T[], text: string | null, otherwise: T): T {
  return values.find((value) => value === text) ?? otherwise;
}

/** The same page of the same address, for other days. Bars per hour fit a day, so their grain is chosen anew. */
export function withRange(search: string, range: Range, ownZone: string): string {
  const params = new URLSearchParams(search);
  const window = readTimeWindow(params, ownZone);
  for (const name of ["range", "from", "to", "tz", "with", "per"]) params.delete(name);
  return searchText(new URLSearchParams([...writeTimeWindow({ ...window, range }), ...params]));
}

/** Its days alone, where some are named. */
export function within<W extends TimeWindow>(window: W, span: Span | undefined): W {
  return span ? { ...window, range: { kind: "custom", ...span } } : window;
}
