import { settings } from "../state/settings";

export interface Zone {
  id: string;
  /** "New York", the last part of the id. */
  city: string;
  /** "America" or "America · Argentina". */
  region: string;
  offsetMinutes: number;
  /** "UTC+05:30" */
  offset: string;
}

/**
 * Browsers still list some zones under names that the IANA database replaced years ago. People look for
 * today's name, and some also for the one they learned.
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

function currentName(id: string): string {
  const current = renamed[id];
  // A browser whose zone data is older than the new name cannot format with it.
  return current && isZone(current) ? current : id;
}

export function browserZone(): string {
  return currentName(new Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");
}

/** What an address without a zone means: the operator's choice, else the reader's own. */
export function firstZone(): string {
  return settings.defaultTimezone ?? browserZone();
}

export function isZone(id: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: id });
    // Bare offsets are valid for Intl, yet the server wants names of the IANA database.
    return !/^[+-]/.test(id);
  } catch {
    return false;
  }
}

export function offsetMinutes(id: string, at: Date): number {
  const name = new Intl.DateTimeFormat("en-US", { timeZone: id, timeZoneName: "longOffset" })
    .formatToParts(at)
    .find((part) => part.type === "timeZoneName")?.value;
  const match = /GMT([+-])(\d{1,2}):?(\d{2})?/.exec(name ?? "");
  if (!match) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0);
  return match[1] === "-" ? -minutes : minutes;
}

export function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  const two = (n: number) => String(n).padStart(2, "0");
  return `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

export function describeZone(id: string, at: Date): Zone {
  const parts = id.split("/").map((part) => part.replaceAll("_", " "));
  const minutes = offsetMinutes(id, at);
  return {
    id,
    city: parts[parts.length - 1] ?? id,
    region: parts.slice(0, -1).join(" · "),
    offsetMinutes: minutes,
    offset: offsetText(minutes),
  };
}

export function allZoneIds(): string[] {
  const ids = Intl.supportedValuesOf("timeZone").map(currentName);
  return [...new Set(["UTC", ...ids])];
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
  return [...new Set([own, "UTC", organization ?? "UTC"])].filter(isZone);
}
