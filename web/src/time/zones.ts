import type { KnownZone } from "../api/calendar";
import { settings } from "../state/settings";

export interface Zone {
  id: string;
  /** "New York", the last part of the id. */
  city: string;
  /** "America" or "America · Argentina". */
  region: string;
  /** "UTC+05:30" */
  offset: string;
}

/**
 * Browsers still call some zones by names that the IANA database replaced years ago. People look for today's name, and
 * some also for the one they learned.
 */
const renamed: Readonly<Record<string, string>> = {
  "Africa/Asmera": "Africa/Asmara",
  "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
  "America/Catamarca": "America/Argentina/Catamarca",
  "America/Coral_Harbour": "America/Atikokan",
  "America/Cordoba": "America/Argentina/Cordoba",
  "America/Godthab": "America/Nuuk",
  "America/Indianapolis": "America/Indiana/Indianapolis",
  "America/Jujuy": "America/Argentina/Jujuy",
  "America/Louisville": "America/Kentucky/Louisville",
  "America/Mendoza": "America/Argentina/Mendoza",
  "Asia/Calcutta": "Asia/Kolkata",
  "Asia/Katmandu": "Asia/Kathmandu",
  "Asia/Rangoon": "Asia/Yangon",
  "Asia/Saigon": "Asia/Ho_Chi_Minh",
  "Atlantic/Faeroe": "Atlantic/Faroe",
  "Europe/Kiev": "Europe/Kyiv",
  "Pacific/Enderbury": "Pacific/Kanton",
  "Pacific/Ponape": "Pacific/Pohnpei",
  "Pacific/Truk": "Pacific/Chuuk",
};

const formerNames = new Map(Object.entries(renamed).map(([former, current]) => [current, former]));

let zone: string | undefined;

/** The name of the zone that the browser is set to: what it knows of it is not asked. Asked once: that is slow. */
export function browserZone(): string {
  if (zone === undefined) {
    const id = new Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
    zone = renamed[id] ?? id;
  }
  return zone;
}

/** What an address without a zone means: the operator's choice, else the reader's own. */
export function firstZone(): string {
  return settings.defaultTimezone ?? browserZone();
}

/** "+05:30" as people read it. */
export function offsetText(offset: string): string {
  return `UTC${offset.replace("-", "−")}`;
}

export function describeZone(id: string, offset: string): Zone {
  const parts = id.split("/").map((part) => part.replaceAll("_", " "));
  return {
    id,
    city: parts[parts.length - 1] ?? id,
    region: parts.slice(0, -1).join(" · "),
    offset: offsetText(offset),
  };
}

/** A place in one of the database's areas. What else it has are abbreviations, bare offsets and countries of old. */
const PLACE = /^(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)\//;

/** The zones to choose from: of all that the server knows the places, by today's names, and UTC before them. */
export function zonesToChoose(known: readonly KnownZone[]): KnownZone[] {
  const places = known.filter(({ timezone }) => PLACE.test(timezone) && renamed[timezone] === undefined);
  return [...known.filter(({ timezone }) => timezone === "UTC"), ...places];
}

/** Accents and separators must not decide whether somebody finds their city. */
function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replaceAll("−", "-")
    .replace(/[_/·]+/g, " ")
    .toLowerCase();
}

/** Each word of the query must appear in the id or the offset; "+5:30", "utc+05:30" and "gmt+5:30" all mean the same. */
export function zoneMatches(zone: Zone, query: string): boolean {
  const haystack = fold(`${zone.id} ${formerNames.get(zone.id) ?? ""} ${zone.offset}`);
  return fold(query)
    .split(/\s+/)
    .filter(Boolean)
    .every((word) => {
      const offset = /^(?:utc|gmt)?([+-])(\d{1,2})(?::?(\d{0,2}))?$/.exec(word);
      if (!offset) return haystack.includes(word);
      const [, sign, hours, minutes] = offset;
      const start = `${sign}${(hours ?? "").padStart(2, "0")}`;
      return fold(zone.offset).includes(minutes ? `${start}:${minutes}` : start);
    });
}

/** The reader's own zone first, then UTC, then the organization's, each once. */
export function suggestedZones(own: string, organization: string | null | undefined): string[] {
  return [...new Set([own, "UTC", organization ?? "UTC"])];
}
