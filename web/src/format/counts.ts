import { locale } from "./locale";

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
const compactFine = new Intl.NumberFormat(locale, { notation: "compact", maximumSignificantDigits: 3 });

export function count(value: number): string {
  return whole.format(value);
}

/** For places with no room: "1.02B". */
export function shortCount(value: number): string {
  return Math.abs(value) < 10_000 ? whole.format(value) : compactFine.format(value);
}

export function axisCount(value: number): string {
  return compact.format(value);
}

/** A share of one, with more digits where it is small: "41%", "0.42%", "<0.01%". */
export function percent(share: number): string {
  const size = Math.abs(share);
  const digits = size === 0 || size >= 0.1 ? 1 : 2;
  // The same digits in every row, so that a column of them lines up; nothing and everything need none.
  const fixed = size > 0 && size < 1 ? digits : 0;
  const format = new Intl.NumberFormat(locale, {
    style: "percent",
    minimumFractionDigits: fixed,
    maximumFractionDigits: digits,
  });
  if (size > 0 && size < 0.0001) return `<${format.format(0.0001)}`;
  return format.format(share);
}
