//! The window that another is compared with.

use super::{Date, Granularity, Window, WindowError};
use crate::model::{HOUR_MS, UnixMs};

/// How far back the window lies that another is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// As many days, just before.
    Previous,
    /// The month before a whole month; else the same days a month earlier.
    PreviousMonth,
    /// The same month of the year before; else the same days a year earlier.
    PreviousYear,
    /// As many days, back by the fewest whole weeks that do not overlap.
    Weekdays,
    /// These days.
    Days { from: Date, to: Date },
}

impl Window {
    /// The window that this one is compared with. While this one is not over, the other one ends with the same part:
    /// before the hour of the day that it is now.
    pub fn compared(&self, with: Compare, now: UnixMs) -> Result<Window, WindowError> {
        let by_months = |months| match self.is_month() {
            true => {
                let first = self.from.months_earlier(months);
                (first, first.last_of_month())
            }
            false => (self.from.months_earlier(months), self.to.months_earlier(months)),
        };
        let by_days = |days: i64| (self.from.plus_days(-days), self.to.plus_days(-days));
        let (from, to) = match with {
            Compare::Previous => by_days(self.days()),
            Compare::Weekdays => by_days((self.days() + 6) / 7 * 7),
            Compare::PreviousMonth => by_months(1),
            Compare::PreviousYear => by_months(12),
            Compare::Days { from, to } => (from, to),
        };
        let mut earlier = Window::new(self.zone, from, to, Granularity::Month)?;
        earlier.until = self.same_part(&earlier, now);
        Ok(earlier)
    }

    fn is_month(&self) -> bool {
        self.from == self.from.first_of_month() && self.to == self.from.last_of_month()
    }

    /// How many months an earlier window lies before this one, if it has the same dates or both are whole months.
    fn months_after(&self, earlier: &Window) -> Option<u32> {
        let months = u32::try_from(self.from.month_number() - earlier.from.month_number()).ok().filter(|by| *by > 0)?;
        let whole = self.is_month() && earlier.is_month();
        let same = self.from.months_earlier(months) == earlier.from && self.to.months_earlier(months) == earlier.to;
        (whole || same).then_some(months)
    }

    /// Where an earlier window is as far as this one is now; `None` when this one is over or has not begun.
    fn same_part(&self, earlier: &Window, now: UnixMs) -> Option<UnixMs> {
        if now < self.start() || now >= self.end() {
            return None;
        }
        let zone = self.zone;
        let today = zone.date_at(now);
        let day = match self.months_after(earlier) {
            // The same date: the last of a short month is not the last of a longer one.
            Some(months) => today.months_earlier(months),
            None if today == self.to => earlier.to,
            None => earlier.from.plus_days(today.days_since(self.from)),
        };
        let day = day.min(earlier.to);
        let hours = |date| Window { zone, from: date, to: date, until: None }.buckets(Granularity::Hour);
        let clock = |at: UnixMs| zone.clock(at).rem_euclid(24 * HOUR_MS);
        let this_hour = hours(today).iter().rev().find(|hour| hour.start <= now).map(|hour| clock(hour.start))?;
        let same_hour = hours(day).iter().map(|hour| hour.start).find(|start| clock(*start) >= this_hour);
        Some(same_hour.unwrap_or_else(|| zone.day_start(day.plus_days(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Zone, parse_rfc3339};
    use super::*;

    const OVER: &str = "2029-01-01T00:00:00Z";

    fn day(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    fn compared(zone: &str, from: &str, to: &str, with: Compare, now: &str) -> Window {
        let [from, to] = [from, to].map(day);
        let window = Window::new(Zone::named(zone).unwrap(), from, to, Granularity::Month).unwrap();
        window.compared(with, parse_rfc3339(now).unwrap()).unwrap()
    }

    #[test]
    fn a_window_is_compared_with_one_that_means_the_same() {
        use Compare::{Previous, PreviousMonth, PreviousYear, Weekdays};
        for (from, to, with, expected) in [
            ("2026-06-01", "2026-06-30", Previous, ["2026-05-02", "2026-05-31"]),
            // October with September, and February with the whole of January.
            ("2026-10-01", "2026-10-31", PreviousMonth, ["2026-09-01", "2026-09-30"]),
            ("2026-02-01", "2026-02-28", PreviousMonth, ["2026-01-01", "2026-01-31"]),
            ("2026-01-01", "2026-01-31", PreviousMonth, ["2025-12-01", "2025-12-31"]),
            // The same days, the last clamped.
            ("2026-03-05", "2026-03-31", PreviousMonth, ["2026-02-05", "2026-02-28"]),
            ("2026-03-30", "2026-03-31", PreviousMonth, ["2026-02-28", "2026-02-28"]),
            ("2026-04-01", "2026-06-30", PreviousMonth, ["2026-03-01", "2026-05-30"]),
            ("2028-02-01", "2028-02-29", PreviousYear, ["2027-02-01", "2027-02-28"]),
            ("2025-02-01", "2025-02-28", PreviousYear, ["2024-02-01", "2024-02-29"]),
            ("2028-02-29", "2028-03-01", PreviousYear, ["2027-02-28", "2027-03-01"]),
            ("2026-01-01", "2026-12-31", PreviousYear, ["2025-01-01", "2025-12-31"]),
            ("2026-06-01", "2026-06-01", Weekdays, ["2026-05-25", "2026-05-25"]),
            ("2026-06-01", "2026-06-07", Weekdays, ["2026-05-25", "2026-05-31"]),
            ("2026-06-01", "2026-06-08", Weekdays, ["2026-05-18", "2026-05-25"]),
            ("2026-06-01", "2026-06-30", Weekdays, ["2026-04-27", "2026-05-26"]),
        ] {
            let earlier = compared("UTC", from, to, with, OVER);
            assert_eq!([earlier.from.to_string(), earlier.to.to_string()], expected, "{from} to {to} {with:?}");
            assert_eq!((earlier.until, earlier.end()), (None, Zone::UTC.day_start(earlier.to.plus_days(1))));
        }
    }

    #[test]
    fn an_unfinished_window_is_compared_with_the_same_part() {
        use Compare::{Previous, PreviousMonth, PreviousYear};
        for (zone, from, to, with, now, until) in [
            ("UTC", "2026-06-10", "2026-06-10", Previous, "2026-06-10T14:32:10Z", "2026-06-09T14:00:00Z"),
            ("UTC", "2026-06-10", "2026-06-10", Previous, "2026-06-10T00:10:00Z", "2026-06-09T00:00:00Z"),
            ("UTC", "2026-06-01", "2026-06-10", PreviousMonth, "2026-06-10T14:32:10Z", "2026-05-10T14:00:00Z"),
            // It ends after today: the tenth of thirty days is the tenth of the month before.
            ("UTC", "2026-06-01", "2026-06-30", PreviousMonth, "2026-06-10T14:32:10Z", "2026-05-10T14:00:00Z"),
            ("UTC", "2026-03-01", "2026-03-31", PreviousMonth, "2026-03-30T14:32:10Z", "2026-02-28T14:00:00Z"),
            // The last day of a month is the same date of a longer one, not its last; February's is the 28th of one of 29.
            ("UTC", "2026-11-01", "2026-11-30", PreviousMonth, "2026-11-30T21:01:00Z", "2026-10-30T21:00:00Z"),
            ("UTC", "2027-02-01", "2027-02-28", PreviousMonth, "2027-02-28T10:30:00Z", "2027-01-28T10:00:00Z"),
            ("UTC", "2026-12-01", "2026-12-31", PreviousMonth, "2026-12-31T10:30:00Z", "2026-11-30T10:00:00Z"),
            ("UTC", "2029-02-01", "2029-02-28", PreviousYear, "2029-02-28T10:30:00Z", "2028-02-28T10:00:00Z"),
            ("UTC", "2026-02-10", "2026-03-10", PreviousMonth, "2026-03-10T10:30:00Z", "2026-02-10T10:00:00Z"),
            (
                "UTC",
                "2026-11-01",
                "2026-11-30",
                Compare::Days { from: day("2026-10-01"), to: day("2026-10-31") },
                "2026-11-30T21:01:00Z",
                "2026-10-30T21:00:00Z",
            ),
            // Off the hour: it is half past four in the afternoon, sums are cut at 16:30.
            ("Asia/Kolkata", "2026-06-10", "2026-06-10", Previous, "2026-06-10T11:10:00Z", "2026-06-09T11:00:00Z"),
            // Clocks were turned in between: noon is noon.
            ("Europe/Paris", "2026-03-30", "2026-03-30", Previous, "2026-03-30T10:30:00Z", "2026-03-29T10:00:00Z"),
            ("Europe/Paris", "2026-03-29", "2026-03-29", Previous, "2026-03-29T10:30:00Z", "2026-03-28T11:00:00Z"),
            // Two in the morning did not exist on the day before, two was twice half a year later.
            ("Europe/Paris", "2026-03-30", "2026-03-30", Previous, "2026-03-30T00:30:00Z", "2026-03-29T01:00:00Z"),
            ("Europe/Paris", "2026-10-26", "2026-10-26", Previous, "2026-10-26T01:30:00Z", "2026-10-25T00:00:00Z"),
            ("Europe/Paris", "2026-10-26", "2026-10-26", Previous, "2026-10-26T02:30:00Z", "2026-10-25T02:00:00Z"),
        ] {
            let earlier = compared(zone, from, to, with, now);
            assert_eq!(earlier.until, parse_rfc3339(until), "{zone} {from} to {to} at {now}");
            let buckets = earlier.buckets(Granularity::Day);
            assert_eq!(buckets.last().map_or(earlier.start(), |last| last.end), earlier.end(), "{zone} {now}");
        }
        for now in ["2026-06-09T23:59:59Z", "2026-06-11T00:00:00Z"] {
            assert_eq!(compared("UTC", "2026-06-10", "2026-06-10", Previous, now).until, None, "{now}");
        }
    }
}
