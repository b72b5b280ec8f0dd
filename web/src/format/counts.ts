import { locale } from "./locale";

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
const compactFine = new Intl.NumberFormat(locale, { notation: "compact", maximumSignificantDigits: 3 });
const barePercent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
const tenths = percentWith(1);
const hundredths = percentWith(2);

function percentWith(digits: number): Intl.NumberFormat {
  return new Intl.NumberFormat(locale, {
    style: "percent",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

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

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** A file's size in decimal units: "185 MB". */
export function bytes(value: number): string {
  const step = value < 1000 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), UNITS.length - 1);
  const options = { style: "unit", unit: UNITS[step], maximumSignificantDigits: 3 } as const;
  return new Intl.NumberFormat(locale, options).format(value / 1000 ** step);
}

export function axisPercent(share: number): string {
  return barePercent.format(share);
}

/** A share of one, with more digits where it is small: "41%", "0.42%", "<0.01%". */
export function percent(share: number): string {
  const size = Math.abs(share);
  // The same digits in every row, so that a column of them lines up; nothing and everything need none.
  if (size === 0 || size >= 1) return barePercent.format(share);
  if (size >= 0.1) return tenths.format(share);
  return size < 0.0001 ? `<${hundredths.format(0.0001)}` : hundredths.format(share);
}
