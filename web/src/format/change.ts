import { locale } from "./locale";

export type Change =
  | { kind: "up" | "down" | "same"; text: string }
  /** There was nothing before, so no ratio exists. */
  | { kind: "new" };

const ratio = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
const times = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });

export function change(now: number, before: number): Change | null {
  if (before === 0) return now === 0 ? null : { kind: "new" };
  const delta = now / before - 1;
  if (Math.abs(delta) < 0.0005) return { kind: "same", text: ratio.format(0) };
  const kind = delta > 0 ? "up" : "down";
  // Percentages past a thousand stop meaning anything to a reader.
  if (delta > 10) return { kind, text: `${times.format(now / before)}×` };
  return { kind, text: ratio.format(Math.abs(delta)) };
}
