import { expect, test } from "vitest";
import { de as named } from "./de";
import { en } from "./en";
import { languageFor, localeFor } from "./language";

const de = named(en.product);

/** Every place in a catalogue, with what stands there: text, or a sentence with so many gaps. */
function places(part: unknown, path = ""): string[] {
  if (typeof part === "function") return [`${path}: ${part.length} gaps`];
  if (typeof part === "string") return [`${path}: text`];
  return Object.entries(part as object).flatMap(([key, inner]) => places(inner, `${path}.${key}`));
}

test("both catalogues say the same things", () => {
  expect(places(de).sort()).toEqual(places(en).sort());
});

test("nothing is left empty", () => {
  const texts = (part: unknown): string[] => {
    if (typeof part === "string") return [part];
    if (typeof part === "function") return [String(part("1", "2", "3", "4", "5"))];
    return Object.values(part as object).flatMap(texts);
  };
  const empty = (one: string) => one.trim() === "" || one.includes("undefined");
  for (const catalogue of [en, de]) expect(texts(catalogue).filter(empty)).toEqual([]);
});

test.each([
  [null, ["en-US", "en"], "en", "en-US"],
  [null, ["de-AT", "de", "en"], "de", "de-AT"],
  [null, ["fr-FR", "de", "en"], "de", "de"],
  [null, ["fr-FR"], "en", undefined],
  [null, [], "en", undefined],
  ["de", ["en-US", "de-CH"], "de", "de-CH"],
  ["de", ["en-US"], "de", "de"],
  ["en", ["de-DE", "en-GB"], "en", "en-GB"],
  ["tlh", ["de-DE"], "de", "de-DE"],
])("chosen %j with a browser of %j: %s, written as %j", (chosen, preferred, language, locale) => {
  expect(languageFor(chosen, preferred)).toBe(language);
  expect(localeFor(chosen, preferred)).toBe(locale);
});
