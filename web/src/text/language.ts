export const languages = ["en", "de"] as const;
export type Language = (typeof languages)[number];

const KEY = "rollcall.language";

/** Of a tag like "de-AT" or "de". */
function languageOf(tag: string | null): Language | undefined {
  const base = tag?.split("-")[0]?.toLowerCase();
  return languages.find((language) => language === base);
}

/** What was chosen, else the first of the browser's languages that there is, else English. */
export function languageFor(chosen: string | null, preferred: readonly string[]): Language {
  return languageOf(chosen) ?? preferred.map(languageOf).find((language) => language !== undefined) ?? "en";
}

/**
 * How numbers and dates are written: as the reader's own region does it where that fits the text. Undefined lets Intl
 * ask the browser, for readers whose language there is no text in.
 */
export function localeFor(chosen: string | null, preferred: readonly string[]): string | undefined {
  const language = languageFor(chosen, preferred);
  return preferred.find((tag) => languageOf(tag) === language) ?? languageOf(chosen);
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

const chosen = stored();
const preferred = globalThis.navigator?.languages ?? [];

export const language = languageFor(chosen, preferred);
export const locale = localeFor(chosen, preferred);

/** Everything on screen is in the address, so loading the page anew changes its language and nothing else. */
export function setLanguage(next: Language): void {
  try {
    // What the browser would have chosen anyway is no choice: the page goes on following it.
    if (next === languageFor(null, preferred)) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Where storage is forbidden the browser's language is the one there is.
  }
  location.reload();
}
