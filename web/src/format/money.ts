import { locale } from "./locale";

const formats = new Map<string, Intl.NumberFormat>();

function dollars(key: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.NumberFormat(locale, {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    ...options,
  });
  formats.set(key, made);
  return made;
}

/**
 * Cents for ordinary amounts; two significant digits below ten cents, because $0.00 for money that
 * was spent is wrong.
 */
export function money(value: number): string {
  const size = Math.abs(value);
  if (size > 0 && size < 0.1) {
    return dollars("small", { minimumSignificantDigits: 1, maximumSignificantDigits: 2 }).format(value);
  }
  return dollars("cents", { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value);
}

/** Every digit of the exact decimal text, with at least two after the point. */
export function exactMoney(text: string): string {
  return dollars("exact", { minimumFractionDigits: 2, maximumFractionDigits: 12 }).format(
    // Decimal text is formatted digit by digit; going through a double would lose the last ones.
    text as Intl.StringNumericLiteral,
  );
}

/** For axes: short, and never longer than the scale needs. */
export function axisMoney(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return dollars("compact", { notation: "compact", maximumFractionDigits: 1 }).format(value);
  if (size > 0 && size < 1) return dollars("axis-small", { minimumFractionDigits: 2, maximumSignificantDigits: 2 }).format(value);
  return dollars("axis", { minimumFractionDigits: 0, maximumFractionDigits: 2 }).format(value);
}
