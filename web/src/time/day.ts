/** A calendar day as `YYYY-MM-DD`. Text compares in time order, and no time zone can shift it by accident. */
export type Day = string;

const DAY_MS = 86_400_000;

export function isDay(text: string): boolean {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!parts) return false;
  const time = Date.UTC(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]));
  return new Date(time).toISOString().slice(0, 10) === text;
}

function utc(day: Day): number {
  return Date.parse(`${day}T00:00:00Z`);
}

function fromUtc(time: number): Day {
  return new Date(time).toISOString().slice(0, 10);
}

export function addDays(day: Day, days: number): Day {
  return fromUtc(utc(day) + days * DAY_MS);
}

/** Days from `from` to `to`, both included. */
export function daysInclusive(from: Day, to: Day): number {
  return Math.round((utc(to) - utc(from)) / DAY_MS) + 1;
}

/** Weeks begin on Monday, as the server's weekly buckets do. */
export function startOfWeek(day: Day): Day {
  const sinceMonday = (new Date(utc(day)).getUTCDay() + 6) % 7;
  return addDays(day, -sinceMonday);
}

export function startOfMonth(day: Day, monthsLater = 0): Day {
  const date = new Date(utc(day));
  return fromUtc(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + monthsLater, 1));
}

export function endOfMonth(day: Day): Day {
  return addDays(startOfMonth(day, 1), -1);
}

/** The same day some months earlier, or the last of that month where it is shorter. */
export function monthsEarlier(day: Day, months: number): Day {
  const first = startOfMonth(day, -months);
  const same = addDays(first, Number(day.slice(8)) - 1);
  const last = endOfMonth(first);
  return same > last ? last : same;
}

export function startOfQuarter(day: Day, quartersLater = 0): Day {
  const date = new Date(utc(day));
  const firstMonth = Math.floor(date.getUTCMonth() / 3) * 3;
  return fromUtc(Date.UTC(date.getUTCFullYear(), firstMonth + quartersLater * 3, 1));
}

export function startOfYear(day: Day, yearsLater = 0): Day {
  return `${String(Number(day.slice(0, 4)) + yearsLater).padStart(4, "0")}-01-01`;
}

/** For calendars that speak `Date`: noon, because some zones have no local midnight on some days. */
export function toCalendarDate(day: Day): Date {
  const [year, month, date] = day.split("-").map(Number) as [number, number, number];
  return new Date(year, month - 1, date, 12);
}

export function fromCalendarDate(date: Date): Day {
  const two = (n: number) => String(n).padStart(2, "0");
  return `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
