import { addDays, daysInclusive, type Day } from "../../time/day";

/** A day of a rehearsal: what it cost, as a share of the dearest, and whether something would have been told on it. */
export interface StripDay {
  day: Day;
  height: number;
  fired: boolean;
}

/** The days of a rehearsal, in their order. Instants are written in the zone of the days, so they begin with theirs. */
export function stripDays(
  from: Day,
  to: Day,
  costs: readonly { date: string; cost: number }[],
  fired: readonly { at: string }[],
): StripDay[] {
  const cost = new Map(costs.map((row) => [row.date, row.cost]));
  const most = Math.max(0, ...cost.values());
  const told = new Set(fired.map(({ at }) => at.slice(0, 10)));
  return Array.from({ length: daysInclusive(from, to) }, (_, number) => {
    const day = addDays(from, number);
    return { day, height: most > 0 ? (cost.get(day) ?? 0) / most : 0, fired: told.has(day) };
  });
}
