import { wallClock, type Calendar } from "../time/clock";
import type { Day } from "../time/day";
import type { Granularity } from "../time/buckets";
import { locale } from "./locale";

/** Made when it is needed, for a page needs few of them. */
function utcFormat(options: Intl.DateTimeFormatOptions): () => Intl.DateTimeFormat {
  let format: Intl.DateTimeFormat | undefined;
  // A day has no zone; formatting it as UTC midnight in UTC keeps it the day it is.
  return () => (format ??= new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options }));
}

const dayMonth = utcFormat({ day: "numeric", month: "short" });
const dayMonthYear = utcFormat({ day: "numeric", month: "short", year: "numeric" });
const hourMinute = utcFormat({ hour: "numeric", minute: "2-digit" });
const weekday = utcFormat({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const dayAndTime = utcFormat({ day: "numeric", month: "short", year: "numeric", hour: "numeric", minute: "2-digit" });
const monthName = utcFormat({ month: "short" });
const monthYear = utcFormat({ month: "long", year: "numeric" });
const shortMonthYear = utcFormat({ month: "short", year: "numeric" });

function at(day: Day): Date {
  return new Date(`${day.slice(0, 10)}T00:00:00Z`);
}

export function dayText(day: Day): string {
  return dayMonthYear().format(at(day));
}

export function monthText(day: Day): string {
  return monthYear().format(at(day));
}

export function spanText(from: Day, to: Day): string {
  if (from === to) return dayMonthYear().format(at(from));
  return dayMonthYear().formatRange(at(from), at(to));
}

/** Hours come as RFC 3339 with the zone's own offset, so the wall clock is in the text itself. */
export function hourText(date: string): string {
  return hourMinute().format(new Date(`${date.slice(0, 16)}:00Z`));
}

export function bucketTitle(date: string, lastDay: Day, granularity: Granularity): string {
  if (granularity === "hour") return `${weekday().format(at(date))}, ${hourText(date)}`;
  if (granularity === "month") {
    const whole = date.slice(8, 10) === "01" && isMonthEnd(lastDay);
    return whole ? monthYear().format(at(date)) : spanText(date, lastDay);
  }
  if (granularity === "week") return spanText(date, lastDay);
  return weekday().format(at(date));
}

/** A bucket of the window before: its days are laid onto weeks and months of today's window as they fall. */
export function beforeTitle(date: string, lastDay: Day, granularity: Granularity): string {
  if (granularity === "hour") return bucketTitle(date, lastDay, "hour");
  return date === lastDay ? bucketTitle(date, lastDay, "day") : spanText(date, lastDay);
}

function isMonthEnd(day: Day): boolean {
  const next = new Date(at(day).getTime() + 86_400_000);
  return next.getUTCDate() === 1;
}

export function axisLabel(date: string, granularity: Granularity): string {
  if (granularity === "hour") return hourText(date);
  if (granularity === "month") return shortMonthYear().format(at(date));
  return dayMonth().format(at(date));
}

/** Over long windows the axis names months only, with the year where it turns. */
export function axisMonth(date: string): string {
  return date.slice(5, 7) === "01" ? shortMonthYear().format(at(date)) : monthName().format(at(date));
}

/** A moment as it reads in the zone of the calendar. */
export function momentText(moment: string, calendar: Calendar): string {
  return dayAndTime().format(new Date(`${wallClock(moment, calendar)}Z`));
}
