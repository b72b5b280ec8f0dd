import { settings } from "../state/settings";
import { locale } from "./locale";

const formats = new Map<string, Intl.NumberFormat>();

function formatOf(key: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
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

function dollars(key: string, options: Intl.NumberFormatOptions, value: number | Intl.StringNumericLiteral): string {
  const format = formatOf(key, options);
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
  if (size > 0 && size < 0.1) {
    return dollars("small", { minimumSignificantDigits: 1, maximumSignificantDigits: 2 }, value);
  }
  return dollars("cents", { minimumFractionDigits: 2, maximumFractionDigits: 2 }, value);
}

/** Every digit of the exact decimal text, with at least two after the point. */
export function exactMoney(text: string): string {
  // Decimal text is formatted digit by digit; going through a double would lose the last ones.
  return dollars("exact", { minimumFractionDigits: 2, maximumFractionDigits: 12 }, text as Intl.StringNumericLiteral);
}

/** For axes: short, and never longer than the scale needs. */
export function axisMoney(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return dollars("compact", { notation: "compact", maximumFractionDigits: 1 }, value);
  if (size > 0 && size < 1) return dollars("axis-small", { minimumFractionDigits: 2, maximumSignificantDigits: 2 }, value);
  return dollars("axis", { minimumFractionDigits: 0, maximumFractionDigits: 2 }, value);
}
