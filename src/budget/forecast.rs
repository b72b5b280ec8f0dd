//! What a window is expected to have used when it ends: what is used, and for the rest of it what the same weekdays of
//! the weeks before have used; and how far off that was in the windows before.

use std::collections::BTreeMap;

use super::accounts::Held;
use crate::calendar::Date;
use crate::directory::BudgetWindow;
use crate::model::UnixMs;

/// Weeks back that weekdays are averaged over.
const WEEKS: i64 = 4;
/// Days of history that a forecast reads.
pub const FORECAST_DAYS: i64 = 7 * WEEKS;
/// With fewer whole days there is no forecast: each weekday has to be known once.
const FEWEST_DAYS: i64 = 7;
/// Windows before this one that it is tried on: half a year of months, two months of weeks, two weeks of days.
const PAST_MONTHS: i64 = 6;
const PAST_WEEKS: i64 = 8;
const PAST_DAYS: i64 = 14;

/// What was used on each day, the last of which may not be over.
#[derive(Debug, Default)]
pub struct Days {
    used: BTreeMap<Date, i128>,
}

/// What a budget's window is expected to have used at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    pub expected: i128,
    /// From as far below to as far above as windows of late came out, but never below what is used; where any is known.
    pub band: Option<(i128, i128)>,
    /// The windows before, the oldest first.
    pub past: Vec<PastForecast>,
}

/// What would have been expected of a window that is over, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastForecast {
    pub first: Date,
    pub last: Date,
    /// On the morning of the day of the window that it is now.
    pub expected: i128,
    pub used: i128,
}

impl Days {
    pub fn add(&mut self, day: Date, used: i128) {
        *self.used.entry(day).or_default() += used;
    }

    /// What a window from `first` to `last` has used up to `today`, and what it is expected to have at its end.
    pub fn forecast(&self, first: Date, today: Date, last: Date) -> Option<(i128, i128)> {
        self.forecast_with(first, today, last, self.on(today))
    }

    /// The same with so much used today.
    fn forecast_with(&self, first: Date, today: Date, last: Date, now: i128) -> Option<(i128, i128)> {
        // However much more is at hand: whoever has only these days says the same.
        let known = *self.used.range(first.min(today.plus_days(-FORECAST_DAYS))..today).next()?.0;
        if today.days_since(known) < FEWEST_DAYS {
            return None;
        }
        let before: i128 = self.used.range(first..today.max(first)).map(|(_, used)| used).sum();
        // Each weekday as often as it comes: a window may end in a year far from now.
        let left = last.days_since(today).max(0);
        let rest = (1..=7).map(|day| self.usual(known, today, today.plus_days(day)) * i128::from((left + 7 - day) / 7));
        let expected = now.max(self.usual(known, today, today)) + rest.sum::<i128>();
        Some((before + now, before + expected))
    }

    fn on(&self, day: Date) -> i128 {
        self.used.get(&day).copied().unwrap_or(0)
    }

    /// The mean of a weekday in the weeks that were over before today.
    fn usual(&self, known: Date, today: Date, day: Date) -> i128 {
        let over = day.days_since(today) / 7 + 1;
        let days = (over..over + WEEKS).map(|weeks| day.plus_days(-7 * weeks)).take_while(|day| *day >= known);
        let (sum, count) = days.fold((0, 0), |(sum, count), day| (sum + self.on(day), count + 1));
        if count == 0 { 0 } else { sum / count }
    }
}

impl Forecast {
    /// The first day of which it has to be known what was used; nothing where there is no forecast.
    pub fn reads_from(held: &Held, now: UnixMs) -> Option<Date> {
        let (first, today, _) = days_of(held, now)?;
        let oldest = past_windows(held.budget.window, today).last().map_or(first, |(first, _)| first);
        Some(oldest.min(first).min(today).plus_days(-FORECAST_DAYS))
    }

    /// What the window that a budget is in now has used, and what it is expected to have at its end.
    pub fn expected(held: &Held, days: &Days, now: UnixMs) -> Option<(i128, i128)> {
        let (first, today, last) = days_of(held, now)?;
        days.forecast(first, today, last)
    }

    /// The same, with how far off it was in the windows before.
    pub fn of(held: &Held, days: &Days, now: UnixMs) -> Option<Forecast> {
        let (used, expected) = Forecast::expected(held, days, now)?;
        let today = held.zone.date_at(now);
        let day = today.days_since(whole_window(held.budget.window, today).0);
        let mut past: Vec<PastForecast> = past_windows(held.budget.window, today)
            .filter_map(|(first, last)| {
                let then = first.plus_days(day).min(last);
                let (_, expected) = days.forecast_with(first, then, last, 0)?;
                Some(PastForecast {
                    first,
                    last,
                    expected,
                    used: days.used.range(first..=last).map(|(_, used)| used).sum(),
                })
            })
            .collect();
        past.reverse();
        let off = || past.iter().map(|past| past.used - past.expected);
        let band = off().min().zip(off().max());
        let band = band.map(|(low, high)| ((expected + low.min(0)).max(used), expected + high.max(0)));
        Some(Forecast { expected, band, past })
    }
}

/// The first day of a budget's window, the day that it is, and the last; nothing where it does not hold or never ends.
fn days_of(held: &Held, now: UnixMs) -> Option<(Date, Date, Date)> {
    let time = &held.span.time;
    let ends = held.span.holds && time.end < UnixMs::MAX && time.contains(&now);
    ends.then(|| {
        let [first, today, last] = [time.start, now, time.end - 1].map(|at| held.zone.date_at(at));
        (first, today, last)
    })
}

/// The whole window that a day is in. What counts in all has one alone, whose beginning is no matter.
fn whole_window(window: BudgetWindow, day: Date) -> (Date, Date) {
    match window {
        BudgetWindow::Day | BudgetWindow::Total => (day, day),
        BudgetWindow::Week => (day.first_of_week(), day.first_of_week().plus_days(6)),
        BudgetWindow::Month => (day.first_of_month(), day.last_of_month()),
    }
}

/// Those before the one that a day is in, the latest first.
fn past_windows(window: BudgetWindow, today: Date) -> impl Iterator<Item = (Date, Date)> {
    let count = match window {
        BudgetWindow::Day => PAST_DAYS,
        BudgetWindow::Week => PAST_WEEKS,
        BudgetWindow::Month => PAST_MONTHS,
        BudgetWindow::Total => 0,
    };
    let mut day = today;
    (0..count).map(move |_| {
        day = whole_window(window, day).0.plus_days(-1);
        whole_window(window, day)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It was added up day by day.
    #[test]
    fn a_window_may_end_in_thousands_of_years() {
        let date = |text| Date::parse(text).unwrap();
        let (first, today) = (date("2026-06-01"), date("2026-06-29"));
        let mut days = Days::default();
        for number in 0..28 {
            days.add(first.plus_days(number), i128::from(number % 7 + 1));
        }
        for (last, expected) in [("2026-06-29", 112 + 1), ("2026-07-01", 112 + 6), ("2026-07-06", 112 + 28 + 1)] {
            assert_eq!(days.forecast(first, today, date(last)), Some((112, expected)), "{last}");
        }
        let weeks = date("9999-12-31").days_since(date("2026-06-28")) / 7;
        let (_, expected) = days.forecast(first, today, date("9999-12-31")).unwrap();
        assert_eq!((expected - 112) / 28, i128::from(weeks));
    }
    use crate::calendar::Zone;
    use crate::directory::{Budget, BudgetAction, BudgetScope, Limit, Status};
    use crate::model::HOUR_MS;

    fn day(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    /// Two weeks from a Monday: 10 on weekdays, nothing on weekends, and what the last day has so far.
    fn weeks(so_far: i128) -> Days {
        let mut days = Days::default();
        let monday = day("2026-06-01");
        for number in 0..14 {
            days.add(monday.plus_days(number), if number % 7 < 5 { 10 } else { 0 });
        }
        days.add(day("2026-06-15"), so_far);
        days
    }

    #[test]
    fn the_rest_of_a_window_is_as_its_weekdays_were() {
        let check = |days: &Days, first, today, last, expected| {
            assert_eq!(days.forecast(day(first), day(today), day(last)), expected, "{first} {today} {last}");
        };
        // Eleven weekdays are over or on, and eleven are left.
        check(&weeks(4), "2026-06-01", "2026-06-15", "2026-06-30", Some((104, 220)));
        check(&weeks(25), "2026-06-01", "2026-06-15", "2026-06-30", Some((125, 235)));
        check(&weeks(4), "2026-06-15", "2026-06-15", "2026-06-15", Some((4, 10)));
        check(&weeks(4), "2026-06-08", "2026-06-14", "2026-06-14", Some((50, 50)));
        // Six whole days do not know each weekday.
        check(&weeks(0), "2026-06-01", "2026-06-07", "2026-06-30", None);
        check(&weeks(0), "2026-06-01", "2026-06-08", "2026-06-08", Some((60, 60)));
        check(&Days::default(), "2026-06-01", "2026-06-15", "2026-06-30", None);
    }

    /// A budget of a window that 2026-06-10 is in, and that day at noon.
    fn held(window: BudgetWindow) -> (Held, UnixMs) {
        let budget = Budget {
            scope: BudgetScope::Organization,
            limit: Limit::Requests(1),
            window,
            timezone: None,
            action: BudgetAction::Warn,
            percent: Vec::new(),
            from: None,
            to: None,
            status: Status::Active,
        };
        let now = Zone::UTC.day_start(day("2026-06-10")) + 12 * HOUR_MS;
        (Held::new(budget, Zone::UTC, now), now)
    }

    /// From a day on to 2026-06-10: 10 a day, and twice that in May.
    fn more_in_may(from: &str) -> Days {
        let mut days = Days::default();
        let from = day(from);
        for number in 0..=day("2026-06-10").days_since(from) {
            let day = from.plus_days(number);
            days.add(day, if day.to_string().starts_with("2026-05") { 20 } else { 10 });
        }
        days
    }

    #[test]
    fn a_band_is_as_wide_as_the_same_forecast_was_off() {
        let (month, now) = held(BudgetWindow::Month);
        let from = Forecast::reads_from(&month, now).unwrap();
        assert_eq!(from, day("2025-11-03"), "four weeks before the sixth month before this one");
        let found = Forecast::of(&month, &more_in_may("2025-11-03"), now).unwrap();
        let past: Vec<(String, i128, i128)> =
            found.past.iter().map(|past| (past.first.to_string(), past.expected, past.used)).collect();
        let whole = |first: &str, expected, used| (first.to_owned(), expected, used);
        assert_eq!(past[0], whole("2025-12-01", 310, 310));
        assert_eq!(past[4], whole("2026-04-01", 300, 300));
        // Nine days of twenty are known, and April was a day of ten: a mean of both for those weekdays.
        let (expected, used) = (past[5].1, past[5].2);
        assert_eq!((used, past.len()), (620, 6));
        assert!((400..620).contains(&expected), "{expected}");
        let (low, high) = found.band.unwrap();
        assert_eq!((low, high), (found.expected, found.expected + used - expected), "it was never too high");

        // Where less is known, less is said.
        let short = Forecast::of(&month, &more_in_may("2026-06-01"), now).unwrap();
        assert_eq!((short.expected, short.band, short.past.len()), (300, None, 0));
        assert_eq!(Forecast::of(&month, &more_in_may("2026-06-04"), now), None);
        let (total, now) = held(BudgetWindow::Total);
        assert_eq!(
            (Forecast::reads_from(&total, now), Forecast::of(&total, &more_in_may("2026-01-01"), now)),
            (None, None)
        );
    }

    #[test]
    fn a_band_is_not_below_what_is_used() {
        let (today, now) = held(BudgetWindow::Day);
        let mut days = Days::default();
        for number in 1..60 {
            days.add(day("2026-06-10").plus_days(-number), if number < 15 { 0 } else { 100 });
        }
        days.add(day("2026-06-10"), 40);
        let found = Forecast::of(&today, &days, now).unwrap();
        assert_eq!(found.past.len(), 14);
        assert!(found.expected > 40 && found.past.iter().all(|past| past.used < past.expected));
        assert_eq!(found.band, Some((40, found.expected)));
    }
}
