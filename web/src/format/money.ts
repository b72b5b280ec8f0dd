import { settings } from "../state/settings";
import { locale } from "./locale";

function currency(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  return new Intl.NumberFormat(locale, {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    ...options,
  });
}

const small = currency({ minimumSignificantDigits: 1, maximumSignificantDigits: 2 });
const cents = currency({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
const exact = currency({ minimumFractionDigits: 2, maximumFractionDigits: 12 });
const compact = currency({ notation: "compact", maximumFractionDigits: 1 });
const axisSmall = currency({ minimumFractionDigits: 2, maximumSignificantDigits: 2 });
const axis = currency({ minimumFractionDigits: 0, maximumFractionDigits: 2 });

function dollars(format: Intl.NumberFormat, value: number | Intl.StringNumericLiteral): string {
  return settings.currencyLabel === null ? format.format(value) : labelled(format.formatToParts(value), settings.currencyLabel);
}

/** The operator's word in the place of the sign, kept apart from digits where it ends or begins with a letter. */
export function labelled(parts: readonly Intl.NumberFormatPart[], label: string): string {
  const at = parts.findIndex((part) => part.type === "currency");
  const [before, after] = [parts[at - 1], parts[at + 1]];
  const gap = (part: Intl.NumberFormatPart | undefined, edge: RegExp) =>
    part && /\d/.test(part.value) && edge.test(label) ? "\u00a0" : "";
  return parts
    .map((part, i) => (i === at ? `${gap(before, /^\p{L}/u)}${label}${gap(after, /\p{L}$/u)}` : part.value))
    .join("");
}

/**
 * Cents for ordinary amounts; two significant digits below ten cents, because $0.00 for money that
 * was spent is wrong.
 */
export function money(value: number): string {
  const size = Math.abs(value);
  return dollars(size > 0 && size < 0.1 ? small : cents, value);
}

/** Every digit of the exact decimal text, with at least two after the point. */
export function exactMoney(text: string): string {
  // Decimal text is formatted digit by digit; going through a double would lose the last ones.
  return dollars(exact, text as Intl.StringNumericLiteral);
}

/** For axes: short, and never longer than the scale needs. */
export function axisMoney(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return dollars(compact, value);
  if (size > 0 && size < 1) return dollars(axisSmall, value);
  return dollars(axis, value);
}
