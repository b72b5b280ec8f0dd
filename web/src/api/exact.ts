type NumberTexts = Record<string, string>;

/** Kept beside the answers instead of inside them, so that their types stay those of the schema. */
const texts = new WeakMap<object, NumberTexts>();

/** As many fit a double. Most answers have no longer number, and are parsed without looking at each. */
const MOST_DIGITS = 15;
const LONG_NUMBER = /\d{16}|\d[\d.]{16}/;

type SourceReviver = (this: unknown, key: string, value: unknown, context?: { source?: string }) => unknown;

/**
 * JSON.parse that remembers the text of every number a double cannot hold. Money has twelve digits after
 * the point; drawing may round it, showing the exact amount may not.
 */
export function parseExact(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  const keep: SourceReviver = function (key, value, context) {
    if (typeof value !== "number") return value;
    const source = context?.source;
    if (source !== undefined && source.length > MOST_DIGITS && source !== String(value) && typeof this === "object" && this) {
      const known = texts.get(this) ?? {};
      known[key] = source;
      texts.set(this, known);
    }
    return value;
  };
  return JSON.parse(text, keep as (this: unknown, key: string, value: unknown) => unknown);
}

/** The number at `holder[key]` as the server wrote it; plain decimal digits, never an exponent. */
export function exactText<K extends string>(holder: { [key in K]: number }, key: K): string {
  return texts.get(holder)?.[key] ?? plainDecimal(holder[key]);
}

function plainDecimal(value: number): string {
  const text = String(value);
  if (!text.includes("e")) return text;
  return value.toFixed(12).replace(/\.?0+$/, "");
}
