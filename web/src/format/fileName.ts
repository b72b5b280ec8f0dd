import { endOfMonth, startOfMonth } from "../time/day";
import type { Span } from "../time/presets";

/** `northwind-cost-by-project-2026-06-Europe-Paris.png`: as the server names files, so that both lie together. */
export function fileName(organizationId: string, what: string, span: Span, zone: string, extension: string): string {
  return `${plain(organizationId)}-${plain(what)}-${daysOf(span)}-${plain(zone)}.${extension}`;
}

function daysOf({ from, to }: Span): string {
  if (from === to) return from;
  if (from === startOfMonth(from) && to === endOfMonth(from)) return from.slice(0, 7);
  const year = from.slice(0, 4);
  return from === `${year}-01-01` && to === `${year}-12-31` ? year : `${from}-to-${to}`;
}

function plain(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._]/gu, "-")
    .split("-")
    .filter((word) => word !== "")
    .join("-");
}
