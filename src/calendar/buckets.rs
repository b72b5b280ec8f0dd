//! A window of local days, cut into the buckets of an answer.

use std::fmt;

use super::{Date, Edition, Zone, rfc3339_utc};
use crate::model::{HOUR_MS, UnixMs};

/// How long a bucket is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Granularity {
    Hour,
    #[default]
    Day,
    /// From Monday.
    Week,
    Month,
}

impl Granularity {
    pub fn name(self) -> &'static str {
        match self {
            Granularity::Hour => "hour",
            Granularity::Day => "day",
            Granularity::Week => "week",
            Granularity::Month => "month",
        }
    }

    /// The longest window, in days, that may be asked for at this granularity.
    pub fn max_days(self) -> i64 {
        match self {
            Granularity::Hour => 31,
            Granularity::Day => 366,
            Granularity::Week | Granularity::Month => 3653,
        }
    }
}

/// Local days from `from` to `to`, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub zone: Zone,
    pub from: Date,
    pub to: Date,
    /// Where it ends, when that is before its last day is over. Sums can be cut there.
    pub until: Option<UnixMs>,
}

/// Why days make no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    #[error("from ({from}) is after to ({to}); both are inclusive, so from must be the same day or an earlier one")]
    Reversed { from: Date, to: Date },
    #[error("from {from} to {to} is {days} days; at most {max} days at {granularity} granularity")]
    TooLong { from: Date, to: Date, days: i64, max: i64, granularity: &'static str },
    #[error(
        "in {zone} {date} does not begin where sums can be cut (by the zone rules of {edition}, at {at}), so it cannot \
         be told apart from its neighbour exactly; leave it out, or ask in another timezone"
    )]
    Uncut { zone: &'static str, date: Date, at: String, edition: &'static Edition },
}

/// One bucket of an answer: its label and the UTC milliseconds it covers, end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    pub label: BucketLabel,
    pub start: UnixMs,
    pub end: UnixMs,
}

impl Bucket {
    /// By the prices of which day it goes. Prices are of days of UTC: those of the date, and not of the moment at which a
    /// day begins, which is the day before in UTC east of it.
    pub fn priced_at(&self) -> UnixMs {
        match self.label {
            BucketLabel::Day(date) => Zone::UTC.day_start(date),
            BucketLabel::Hour(_, at) => at,
        }
    }
}

/// What a bucket is called: made into text only where it is written, for sums need none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketLabel {
    /// The first local day.
    Day(Date),
    /// The instant with the zone's offset then.
    Hour(Zone, UnixMs),
}

impl fmt::Display for BucketLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BucketLabel::Day(date) => date.fmt(f),
            BucketLabel::Hour(zone, at) => f.write_str(&zone.rfc3339(*at)),
        }
    }
}

impl Window {
    pub fn new(zone: Zone, from: Date, to: Date, granularity: Granularity) -> Result<Window, WindowError> {
        if from > to {
            return Err(WindowError::Reversed { from, to });
        }
        let (days, max) = (to.days_since(from) + 1, granularity.max_days());
        if days > max {
            return Err(WindowError::TooLong { from, to, days, max, granularity: granularity.name() });
        }
        let window = Window { zone, from, to, until: None };
        let uncut = |date: &Date| zone.is_uncut(*date);
        match window.first_days(granularity).chain([to.plus_days(1)]).find(uncut) {
            Some(date) => {
                let at = rfc3339_utc(zone.day_start(date));
                Err(WindowError::Uncut { zone: zone.name(), date, at, edition: zone.edition() })
            }
            None => Ok(window),
        }
    }

    pub fn days(&self) -> i64 {
        self.to.days_since(self.from) + 1
    }

    pub fn start(&self) -> UnixMs {
        self.zone.day_start(self.from)
    }

    pub fn end(&self) -> UnixMs {
        self.until.unwrap_or_else(|| self.zone.day_start(self.to.plus_days(1)))
    }

    /// As [`Bucket::priced_at`], of its first day.
    pub fn priced_at(&self) -> UnixMs {
        Zone::UTC.day_start(self.from)
    }

    /// The first day of each bucket, and of each day where buckets are hours.
    fn first_days(&self, granularity: Granularity) -> impl Iterator<Item = Date> + use<> {
        let next = move |date: Date| match granularity {
            Granularity::Week => date.first_of_week().plus_days(7),
            Granularity::Month => date.first_of_month().next_month(),
            Granularity::Hour | Granularity::Day => date.plus_days(1),
        };
        let to = self.to;
        // After the last day that there is comes none.
        std::iter::successors(Some(self.from), move |date| Some(next(*date)).filter(|next| next > date && *next <= to))
    }

    /// The buckets that tile the window, in order. Weeks and months are cut at the window's ends.
    pub fn buckets(&self, granularity: Granularity) -> Vec<Bucket> {
        let mut buckets = self.whole_buckets(granularity);
        if let Some(until) = self.until {
            buckets.retain(|bucket| bucket.start < until);
            buckets.iter_mut().for_each(|bucket| bucket.end = bucket.end.min(until));
        }
        buckets
    }

    fn whole_buckets(&self, granularity: Granularity) -> Vec<Bucket> {
        if granularity == Granularity::Hour {
            return self.hours();
        }
        let mut buckets = Vec::with_capacity(if granularity == Granularity::Day { self.days() as usize } else { 0 });
        let (mut date, mut start) = (self.from, self.start());
        for following in self.first_days(granularity).skip(1).chain([self.to.plus_days(1)]) {
            let end = match granularity {
                Granularity::Day => self.zone.day_start_after(start, following),
                _ => self.zone.day_start(following),
            };
            buckets.push(Bucket { label: BucketLabel::Day(date), start, end });
            (date, start) = (following, end);
        }
        buckets
    }

    /// UTC hours, cut where a local day begins. In zones off the full hour a local clock hour is not a UTC hour:
    /// there each bucket still begins on the UTC hour, so that days remain the exact sum of their hours.
    fn hours(&self) -> Vec<Bucket> {
        let mut buckets = Vec::new();
        for date in self.first_days(Granularity::Hour) {
            let (mut start, day_end) = (self.zone.day_start(date), self.zone.day_start(date.plus_days(1)));
            while start < day_end {
                let end = ((start.div_euclid(HOUR_MS) + 1) * HOUR_MS).min(day_end);
                buckets.push(Bucket { label: BucketLabel::Hour(self.zone, start), start, end });
                start = end;
            }
        }
        buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(zone: &str, from: &str, to: &str, granularity: Granularity) -> Result<Window, WindowError> {
        Window::new(Zone::named(zone).unwrap(), Date::parse(from).unwrap(), Date::parse(to).unwrap(), granularity)
    }

    #[test]
    fn buckets_tile_the_window_in_every_zone_and_granularity() {
        for zone in crate::calendar::tests::editions().iter().flat_map(|edition| edition.zones()) {
            for (granularity, from, to) in [
                (Granularity::Hour, "2026-03-20", "2026-04-19"),
                (Granularity::Hour, "2026-10-20", "2026-11-05"),
                (Granularity::Day, "2026-01-01", "2026-12-31"),
                (Granularity::Week, "2026-01-01", "2026-12-31"),
                (Granularity::Month, "2020-01-01", "2029-12-31"),
                (Granularity::Month, "2028-01-02", "2037-12-31"),
            ] {
                let [from, to] = [from, to].map(|date| Date::parse(date).unwrap());
                let window = Window::new(zone, from, to, granularity).unwrap();
                let buckets = window.buckets(granularity);
                let mut at = window.start();
                for bucket in &buckets {
                    assert_eq!(bucket.start, at, "{} {}", zone.name(), bucket.label);
                    assert!(bucket.end > bucket.start, "{} {}", zone.name(), bucket.label);
                    at = bucket.end;
                }
                assert_eq!(at, window.end(), "{}", zone.name());
            }
        }
    }

    #[test]
    fn days_have_the_length_their_clocks_say() {
        for (zone, date, hours) in [
            ("Europe/Paris", "2026-03-29", 23.0),
            ("Europe/Paris", "2026-10-25", 25.0),
            ("Australia/Lord_Howe", "2026-04-05", 24.5),
            ("Australia/Lord_Howe", "2026-10-04", 23.5),
            ("Africa/Cairo", "2026-04-24", 23.0),
            ("UTC", "2026-06-01", 24.0),
        ] {
            let buckets = window(zone, date, date, Granularity::Day).unwrap().buckets(Granularity::Day);
            assert_eq!((buckets[0].end - buckets[0].start) as f64 / HOUR_MS as f64, hours, "{zone} {date}");
        }
    }

    #[test]
    fn weeks_begin_on_monday_and_are_cut_at_the_window() {
        let labels = |granularity, from, to| -> Vec<String> {
            window("UTC", from, to, granularity)
                .unwrap()
                .buckets(granularity)
                .into_iter()
                .map(|b| b.label.to_string())
                .collect()
        };
        assert_eq!(labels(Granularity::Week, "2026-06-03", "2026-06-16"), ["2026-06-03", "2026-06-08", "2026-06-15"]);
        assert_eq!(labels(Granularity::Month, "2026-05-31", "2026-07-01"), ["2026-05-31", "2026-06-01", "2026-07-01"]);
    }

    #[test]
    fn windows_that_make_no_sense_say_so() {
        assert!(matches!(
            window("UTC", "2026-06-02", "2026-06-01", Granularity::Day),
            Err(WindowError::Reversed { .. })
        ));
        assert!(window("UTC", "2025-06-01", "2026-06-01", Granularity::Day).is_ok());
        let error = window("UTC", "2025-05-31", "2026-06-01", Granularity::Day).unwrap_err();
        assert_eq!(error.to_string(), "from 2025-05-31 to 2026-06-01 is 367 days; at most 366 days at day granularity");
    }
}
