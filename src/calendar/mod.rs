//! Local time: days, hours, weeks and months of any IANA zone as half-open ranges of UTC.
//!
//! Owns zone names, which edition of their rules is in use, calendar dates, and where each local bucket begins and
//! ends.
//!
//! Does not know what is counted, stored or asked, and reads neither clock nor disk: both are handed in.
//!
//! Invariants: the buckets of a window tile its time line, so each instant of the window lies in exactly one; a zone
//! keeps its rules for as long as somebody holds it, whatever edition is taken into use meanwhile.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Range, RangeInclusive};

use chrono::{DateTime, Datelike, Days, FixedOffset, Months, NaiveDate, NaiveTime, Timelike, Utc, Weekday};

use crate::model::{HOUR_MS, UnixMs};

mod buckets;
mod compare;
mod database;
mod offsets;
mod relative;
mod rules;

pub use buckets::{Bucket, BucketLabel, Granularity, Window, WindowError};
pub use compare::Compare;
use database::{BUILT_IN_EDITION, Named};
pub use database::{Edition, ZoneDatabase, ZoneDatabaseError, ZoneFiles, compare as compare_editions};
pub use relative::{relative_days, relative_words};

/// A time zone by its IANA name, with the rules of the edition in which it was looked up.
#[derive(Clone, Copy)]
pub struct Zone {
    named: &'static Named,
    edition: &'static Edition,
}

impl PartialEq for Zone {
    fn eq(&self, other: &Zone) -> bool {
        std::ptr::eq(self.named, other.named)
    }
}

impl Eq for Zone {}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.named.name.hash(state);
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.named.name)
    }
}

impl Zone {
    /// The same in every edition.
    pub const UTC: Zone = Zone { named: &database::UTC, edition: &BUILT_IN_EDITION };

    /// In the edition in use. IANA names, in capitals or not; `None` for any other text.
    pub fn named(name: &str) -> Option<Zone> {
        ZoneDatabase::current().zone(name)
    }

    /// The zone of an organization that says which is its own; UTC for one that does not.
    pub fn home(name: Option<&str>) -> Zone {
        name.and_then(Zone::named).unwrap_or(Zone::UTC)
    }

    /// The zone of this name in the edition in use, for whoever holds one for long.
    pub fn in_use(self) -> Zone {
        Zone::named(self.name()).unwrap_or(self)
    }

    pub fn name(self) -> &'static str {
        self.named.name
    }

    /// Which edition its rules are of.
    pub fn edition(self) -> &'static Edition {
        self.edition
    }

    /// Every zone of the edition in use.
    pub fn all() -> impl Iterator<Item = Zone> {
        ZoneDatabase::current().zones().collect::<Vec<_>>().into_iter()
    }

    /// The local date at an instant.
    pub fn date_at(self, at: UnixMs) -> Date {
        Date(utc(self.clock(at)).date_naive())
    }

    /// The same of an instant that somebody names; `None` where that lies outside the years of a [`Date`].
    pub fn date_of(self, at: UnixMs) -> Option<Date> {
        Some(self.date_at(at)).filter(|date| YEARS.contains(&date.0.year()))
    }

    /// RFC 3339 in this zone, to the second.
    pub fn rfc3339(self, at: UnixMs) -> String {
        let offset = FixedOffset::east_opt(self.named.rules.offset_s(at.div_euclid(1000)));
        let local = utc(at).with_timezone(&offset.expect("offsets are of less than a day"));
        local.to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
    }

    /// What the clocks show, as if it were UTC.
    fn clock(self, at: UnixMs) -> UnixMs {
        at.saturating_add(self.offset_ms(at))
    }

    fn offset_ms(self, at: UnixMs) -> i64 {
        i64::from(self.named.rules.offset_s(at.div_euclid(1000))) * 1000
    }

    /// [`Zone::day_start`] where the start of the day before is known: mostly 24 hours later, which takes one look at
    /// the zone's rules instead of several.
    pub fn day_start_after(self, before: UnixMs, date: Date) -> UnixMs {
        let guess = before + 24 * HOUR_MS;
        if self.clock(guess) == date.midnight_utc() { guess } else { self.day_start(date) }
    }

    /// The local month that a date is in.
    pub fn month_of(self, date: Date) -> Range<UnixMs> {
        let first = date.first_of_month();
        self.day_start(first)..self.day_start(first.next_month())
    }

    /// The instant of a local time, in milliseconds since midnight; `None` where clocks skip it or show it twice.
    pub fn instant(self, date: Date, time_of_day_ms: i64) -> Option<UnixMs> {
        let local = date.midnight_utc() + time_of_day_ms;
        // The offsets of the days around: clocks never change twice between them.
        let [before, after] = [local - 26 * HOUR_MS, local + 26 * HOUR_MS].map(|around| local - self.offset_ms(around));
        match [before, after].map(|at| self.clock(at) == local) {
            [true, true] if before == after => Some(before),
            [true, false] => Some(before),
            [false, true] => Some(after),
            _ => None,
        }
    }

    /// The first instant whose local date is `date` or later.
    ///
    /// That is local midnight, except where clocks jump over midnight (then the jump) or where the zone skips the
    /// whole day (then the start of the next one).
    pub fn day_start(self, date: Date) -> UnixMs {
        let midnight = date.midnight_utc();
        let (mut before, mut reached) = (midnight - 26 * HOUR_MS, midnight + 26 * HOUR_MS);
        for around in [before, reached] {
            let start = midnight - self.offset_ms(around);
            if self.date_at(start) >= date && self.date_at(start - 1) < date {
                return start;
            }
        }
        // Local dates do not run backwards (days at which they do are reported), so this is where they reach `date`.
        while reached - before > 1000 {
            let middle = (before + reached).div_euclid(2000) * 1000;
            if self.date_at(middle) >= date { reached = middle } else { before = middle }
        }
        reached
    }

    /// Whether a day begins where rollups cannot be cut, or comes twice.
    fn is_uncut(self, date: Date) -> bool {
        self.named.uncut.iter().any(|days| (days.first..=days.last).contains(&date))
    }
}

/// The years that can be asked about.
const YEARS: RangeInclusive<i32> = 1..=9999;
/// Half a year before and after them: room for the ends of their windows in every zone, and far from where chrono ends.
const REACH: RangeInclusive<UnixMs> =
    -62_135_596_800_000 - 183 * 24 * HOUR_MS..=253_402_300_800_000 + 183 * 24 * HOUR_MS;

/// What lies beyond all years, such as the end of what never ends, is the last instant that there is.
fn utc(at: UnixMs) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.clamp(*REACH.start(), *REACH.end())).expect("chrono has the years around")
}

/// An instant as RFC 3339 in UTC, to the second: `2026-06-01T00:00:00Z`.
pub fn rfc3339_utc(at: UnixMs) -> String {
    utc(at).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Reads RFC 3339 with an offset. Fractions of a millisecond are cut off.
pub fn parse_rfc3339(text: &str) -> Option<UnixMs> {
    let at = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    // A second 60 is a leap second, which ends a day of UTC; it is counted as the first of the next day.
    let is_leap = at.timestamp_subsec_millis() >= 1000;
    let is_time = YEARS.contains(&at.year()) && (!is_leap || (at.hour(), at.minute()) == (23, 59));
    is_time.then(|| at.timestamp_millis())
}

/// A calendar date: of the years 1 to 9999 where it is read, around them where it is reckoned from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(NaiveDate);

impl Date {
    fn midnight_utc(self) -> UnixMs {
        self.0.and_time(NaiveTime::MIN).and_utc().timestamp_millis()
    }

    /// Reads exactly `YYYY-MM-DD`; `None` when there is no such date.
    pub fn parse(text: &str) -> Option<Date> {
        let bytes = text.as_bytes();
        let shaped = bytes.len() == 10
            && bytes.iter().enumerate().all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() });
        if !shaped {
            return None;
        }
        Date::from_ymd(text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..].parse().ok()?)
    }

    pub fn from_ymd(year: i32, month: u32, day: u32) -> Option<Date> {
        NaiveDate::from_ymd_opt(year, month, day).filter(|date| YEARS.contains(&date.year())).map(Date)
    }

    /// `days` later, or earlier when negative; the last or the first day that there is, where that is beyond it.
    pub fn plus_days(self, days: i64) -> Date {
        let by = Days::new(days.unsigned_abs());
        Date(match days < 0 {
            true => self.0.checked_sub_days(by).unwrap_or(NaiveDate::MIN),
            false => self.0.checked_add_days(by).unwrap_or(NaiveDate::MAX),
        })
    }

    /// How many days from `earlier` to `self`.
    pub fn days_since(self, earlier: Date) -> i64 {
        (self.0 - earlier.0).num_days()
    }

    pub fn first_of_week(self) -> Date {
        Date(self.0.week(Weekday::Mon).first_day())
    }

    pub fn first_of_month(self) -> Date {
        Date(self.0.with_day(1).unwrap_or(self.0))
    }

    pub fn first_of_quarter(self) -> Date {
        self.first_of_month().months_earlier(self.0.month0() % 3)
    }

    pub fn first_of_year(self) -> Date {
        self.first_of_month().months_earlier(self.0.month0())
    }

    pub fn last_of_month(self) -> Date {
        self.first_of_month().next_month().plus_days(-1)
    }

    /// Of its month, counted through the years.
    pub fn month_number(self) -> i32 {
        self.0.year() * 12 + self.0.month0() as i32
    }

    /// The same day some months earlier, or the last of that month where it is shorter.
    pub fn months_earlier(self, months: u32) -> Date {
        Date(self.0.checked_sub_months(Months::new(months)).unwrap_or(self.0))
    }

    /// The same day a month later, or the last of that month where it is shorter.
    pub fn next_month(self) -> Date {
        Date(self.0.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !(0..=9999).contains(&self.0.year()) {
            return self.0.fmt(f);
        }
        // Digit by digit: an answer has hundreds of dates, and the general way of padding is slow.
        let (year, month, day) = (self.0.year() as u32, self.0.month(), self.0.day());
        let digits = [year / 1000, year / 100, year / 10, year, month / 10, month, day / 10, day].map(|n| n % 10);
        let [y1, y2, y3, y4, m1, m2, d1, d2] = digits.map(|digit| b'0' + digit as u8);
        let text = [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2];
        f.write_str(std::str::from_utf8(&text).expect("digits are ASCII"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{FIRST_HOUR, SPLITS, Segment};

    const FIRST_DAY: &str = "2020-01-01";
    const DAYS: i64 = 18 * 365 + 5;

    fn utc_ms(text: &str) -> UnixMs {
        parse_rfc3339(text).expect(text)
    }

    #[test]
    fn the_first_hour_is_the_start_of_2020() {
        assert_eq!(rfc3339_utc(FIRST_HOUR.start_ms()), "2020-01-01T00:00:00Z");
    }

    #[test]
    fn a_leap_second_ends_a_day_of_utc_and_nothing_else() {
        let next_day = utc_ms("2026-07-01T00:00:00Z");
        for (text, expected) in [
            ("2026-06-30T23:59:60Z", Some(next_day)),
            ("2026-07-01T01:59:60.250+02:00", Some(next_day + 250)),
            ("2026-06-30T12:00:60Z", None),
            ("2026-06-30T23:59:60+02:00", None),
            ("2026-06-30T23:59:61Z", None),
        ] {
            assert_eq!(parse_rfc3339(text), expected, "{text}");
        }
    }

    /// A day that comes after itself had a server count days for ever.
    #[test]
    fn no_instant_is_too_far_to_be_reckoned_with() {
        for zone in ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati", "Etc/GMT+12"] {
            let zone = Zone::named(zone).unwrap();
            for at in [UnixMs::MIN, UnixMs::MAX, UnixMs::MAX - 1] {
                let date = zone.date_at(at);
                assert_eq!(zone.date_of(at), None, "{zone:?} {at}");
                assert!(date.plus_days(1) > date && date.plus_days(-1) < date, "{zone:?} {date}");
                assert!(!zone.offset(at).is_empty());
            }
            for date in ["0001-01-01", "9999-12-31"].map(|text| Date::parse(text).unwrap()) {
                let (start, end) = (zone.day_start(date), zone.day_start(date.plus_days(1)));
                assert_eq!((zone.date_of(start), zone.date_of(end - 1)), (Some(date), Some(date)), "{zone:?}");
                for granularity in [Granularity::Hour, Granularity::Day, Granularity::Week, Granularity::Month] {
                    let buckets = Window::new(zone, date, date, granularity).unwrap().buckets(granularity);
                    assert_eq!((buckets[0].start, buckets.last().unwrap().end), (start, end), "{zone:?} {date}");
                }
            }
            let last = zone.day_start(Date::parse("9999-12-31").unwrap().plus_days(1));
            assert_eq!((zone.date_of(last), zone.date_at(last).to_string()), (None, "+10000-01-01".to_owned()));
        }
        let beyond = Date::parse("2026-06-01").unwrap().plus_days(i64::MAX);
        assert_eq!((beyond.plus_days(1), beyond.plus_days(-1) < beyond), (beyond, true));
        assert_eq!(parse_rfc3339("0000-12-31T00:00:00Z"), None);
        assert_eq!(parse_rfc3339("9999-12-31T23:59:59-01:00"), None);
    }

    #[test]
    fn day_starts_around_changes_at_midnight() {
        for (zone, date, expected) in [
            ("Europe/Paris", "2026-03-29", "2026-03-28T23:00:00Z"),
            ("Europe/Paris", "2026-03-30", "2026-03-29T22:00:00Z"),
            ("Asia/Kolkata", "2026-06-01", "2026-05-31T18:30:00Z"),
            ("Asia/Kathmandu", "2026-06-01", "2026-05-31T18:15:00Z"),
            // Clocks go from 00:00 to 01:00.
            ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z"),
            ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z"),
            ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z"),
            // Clocks go from 24:00 back to 23:00.
            ("America/Santiago", "2026-04-05", "2026-04-05T04:00:00Z"),
            ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-06", "2026-04-05T13:30:00Z"),
        ] {
            let start = Zone::named(zone).unwrap().day_start(Date::parse(date).unwrap());
            assert_eq!(rfc3339_utc(start), expected, "{zone} {date}");
        }
        let samoa = Zone::named("Pacific/Apia").unwrap();
        let skipped = Date::parse("2011-12-30").unwrap();
        assert_eq!(samoa.day_start(skipped), samoa.day_start(skipped.plus_days(1)), "a skipped day has no length");
    }

    /// The rules compiled in; those of chrono-tz alone, which are of an older edition; and those compiled in as a
    /// directory would bring them.
    pub fn editions() -> [Arc<ZoneDatabase>; 3] {
        [ZoneDatabase::built_in().clone(), database::tests::older(), database::tests::listed()]
    }

    /// For every zone and every day from 2020 on: the day's first instant has that date, the one before it an
    /// earlier one, and rollups can be cut there. Also holds `model::SPLITS` to what the zones need, no more.
    #[test]
    fn every_local_day_of_every_zone_begins_where_rollups_can_be_cut() {
        for edition in editions() {
            let version = edition.edition();
            assert_eq!(edition.uncut().count(), 0, "{version}");
            assert_eq!(splits_needed(&edition), SPLITS, "the splits that the zones of {version} need");
        }
    }

    fn splits_needed(edition: &ZoneDatabase) -> Vec<(u32, u32)> {
        let mut needed = std::collections::BTreeSet::new();
        let first = Date::parse(FIRST_DAY).unwrap();
        for zone in edition.zones() {
            let mut previous = zone.day_start(first.plus_days(-1));
            for day in 0..DAYS {
                let date = first.plus_days(day);
                let start = zone.day_start(date);
                assert!(start > previous, "{} {date}", zone.name());
                assert_eq!(start, zone.day_start_after(previous, date), "{} {date}", zone.name());
                assert_eq!(zone.date_at(start), date, "{}", zone.name());
                assert_eq!(zone.date_at(start - 1), date.plus_days(-1), "{} {date}", zone.name());
                assert_eq!(
                    Segment::of(start).map(Segment::start_ms),
                    Some(start),
                    "{} {date} {}",
                    zone.name(),
                    rfc3339_utc(start)
                );
                let minute = (start.rem_euclid(24 * HOUR_MS) / 60_000) as u32;
                if !minute.is_multiple_of(60) {
                    needed.insert((minute / 60, minute % 60));
                }
                previous = start;
            }
        }
        needed.into_iter().collect()
    }

    /// Between day starts the date never changes: sampled every quarter hour around each offset change.
    #[test]
    fn local_dates_never_run_backwards() {
        let from = utc_ms("2020-01-01T00:00:00Z");
        let until = utc_ms("2037-12-31T00:00:00Z");
        for zone in editions().iter().flat_map(|edition| edition.zones()) {
            let mut at = from;
            while at < until {
                let next = at + 6 * HOUR_MS;
                if zone.offset_ms(at) != zone.offset_ms(next) {
                    let dates: Vec<Date> = (0..=24).map(|i| zone.date_at(at + i * HOUR_MS / 4)).collect();
                    assert!(dates.is_sorted(), "{} near {}", zone.name(), rfc3339_utc(at));
                }
                at = next;
            }
        }
    }

    #[test]
    fn only_dates_that_exist_are_dates() {
        for text in ["2026-02-29", "2026-13-01", "2026-6-1", "2026-06-31", "0000-01-01", "20260601", "2026-06-01 ", ""]
        {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        assert_eq!(Date::parse("2024-02-29").unwrap().to_string(), "2024-02-29");
    }
}
