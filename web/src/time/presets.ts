import {
  addDays,
  startOfMonth,
  startOfQuarter,
  startOfWeek,
  startOfYear,
  type Day,
} from "./day";

export interface Span {
  from: Day;
  to: Day;
}

/** "This …" ends today: days that have not happened would only draw emptiness. */
const presetSpans = {
  today: (today) => ({ from: today, to: today }),
  yesterday: (today) => ({ from: addDays(today, -1), to: addDays(today, -1) }),
  "this-week": (today) => ({ from: startOfWeek(today), to: today }),
  "last-week": (today) => ({
    from: addDays(startOfWeek(today), -7),
    to: addDays(startOfWeek(today), -1),
  }),
  "this-month": (today) => ({ from: startOfMonth(today), to: today }),
  "last-month": (today) => ({ from: startOfMonth(today, -1), to: addDays(startOfMonth(today), -1) }),
  "this-quarter": (today) => ({ from: startOfQuarter(today), to: today }),
  "last-quarter": (today) => ({
    from: startOfQuarter(today, -1),
    to: addDays(startOfQuarter(today), -1),
  }),
  "this-year": (today) => ({ from: startOfYear(today), to: today }),
  "last-year": (today) => ({ from: startOfYear(today, -1), to: addDays(startOfYear(today), -1) }),
  "last-7-days": (today) => ({ from: addDays(today, -6), to: today }),
  "last-30-days": (today) => ({ from: addDays(today, -29), to: today }),
  "last-90-days": (today) => ({ from: addDays(today, -89), to: today }),
  "last-365-days": (today) => ({ from: addDays(today, -364), to: today }),
} satisfies Record<string, (today: Day) => Span>;

export type Preset = keyof typeof presetSpans;

export const presetGroups: readonly (readonly Preset[])[] = [
  ["today", "yesterday"],
  ["last-7-days", "last-30-days", "last-90-days", "last-365-days"],
  ["this-week", "last-week", "this-month", "last-month"],
  ["this-quarter", "last-quarter", "this-year", "last-year"],
];

export function isPreset(text: string): text is Preset {
  return Object.hasOwn(presetSpans, text);
}

export function presetSpan(preset: Preset, today: Day): Span {
  return presetSpans[preset](today);
}
