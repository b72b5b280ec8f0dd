//! What a window is expected to have used when it ends: what is used, and for the rest of it what the same weekdays of
//! the weeks before have used.

use std::collections::BTreeMap;

use crate::calendar::Date;

/// Weeks back that weekdays are averaged over.
const WEEKS: i64 = 4;
/// Days of history that a forecast reads.
pub const FORECAST_DAYS: i64 = 7 * WEEKS;
/// With fewer whole days there is no forecast: each weekday has to be known once.
const FEWEST_DAYS: i64 = 7;

/// What was used on each day, the last of which may not be over.
#[derive(Debug, Default)]
pub struct Days {
    used: BTreeMap<Date, i128>,
}

impl Days {
    pub fn add(&mut self, day: Date, used: i128) {
        *self.used.entry(day).or_default() += used;
    }

    /// What a window from `first` to `last` has used up to `today`, and what it is expected to have at its end.
    pub fn forecast(&self, first: Date, today: Date, last: Date) -> Option<(i128, i128)> {
        let known = *self.used.first_key_value()?.0;
        if today.days_since(known) < FEWEST_DAYS {
            return None;
        }
        let used = |day: Date| self.used.get(&day).copied().unwrap_or(0);
        let before: i128 = self.used.range(first..today.max(first)).map(|(_, used)| used).sum();
        let now = used(today);
        let rest = (1..=last.days_since(today)).map(|days| self.usual(known, today, today.plus_days(days)));
        let expected = now.max(self.usual(known, today, today)) + rest.sum::<i128>();
        Some((before + now, before + expected))
    }

    /// The mean of a weekday in the weeks that were over before today.
    fn usual(&self, known: Date, today: Date, day: Date) -> i128 {
        let over = day.days_since(today) / 7 + 1;
        let days = (over..over + WEEKS).map(|weeks| day.plus_days(-7 * weeks)).take_while(|day| *day >= known);
        let (sum, count) =
            days.fold((0, 0), |(sum, count), day| (sum + self.used.get(&day).copied().unwrap_or(0), count + 1));
        if count == 0 { 0 } else { sum / count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
