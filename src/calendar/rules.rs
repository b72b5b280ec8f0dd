//! What the clocks of one zone show, and when.

use chrono::{DateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;
use jiff::Timestamp;

use super::{Date, utc};
use crate::model::{FIRST_HOUR, Segment, UnixMs};

/// 1970-01-01: before it no zone's offset matters to anybody who counts calls.
const LISTED_FROM_S: i64 = 0;
/// 2100-01-01. chrono-tz goes no further either.
const LISTED_UNTIL_S: i64 = 4_102_444_800;
const DAY_S: i64 = 24 * 3600;

/// Offsets from UTC in seconds, as far east as they are positive.
#[derive(Debug)]
pub(super) enum Rules {
    /// As chrono-tz has them compiled in: nothing is read before they are asked.
    Compiled(Tz),
    Listed(Offsets),
}

impl Rules {
    pub fn offset_s(&self, at_s: i64) -> i32 {
        match self {
            Rules::Compiled(tz) => {
                let at = utc(at_s.saturating_mul(1000));
                tz.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
            }
            Rules::Listed(offsets) => offsets.at(at_s),
        }
    }
}

/// Every offset of a zone with the instant from which it holds, in order. The first holds since ever, the last for
/// ever.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Offsets(Vec<(i64, i32)>);

/// Days from the first to the last, both included, that do not begin where rollups can be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uncut {
    pub first: Date,
    pub last: Date,
}

impl Offsets {
    /// Reads a TZif file (RFC 9636). Its rule for the years to come is written out, so that asking is a search.
    pub fn read(name: &str, tzif: &[u8]) -> Result<Offsets, String> {
        let zone = jiff::tz::TimeZone::tzif(name, tzif).map_err(|e| e.to_string())?;
        let from = Timestamp::from_second(LISTED_FROM_S).map_err(|e| e.to_string())?;
        let mut offsets = vec![(i64::MIN, zone.to_offset(from).seconds())];
        for change in zone.following(from) {
            let at = change.timestamp().as_second();
            if at >= LISTED_UNTIL_S {
                break;
            }
            // A change of the abbreviation alone is none here.
            if offsets.last().is_some_and(|(_, before)| *before != change.offset().seconds()) {
                offsets.push((at, change.offset().seconds()));
            }
        }
        Ok(Offsets(offsets))
    }

    fn at(&self, at_s: i64) -> i32 {
        self.0[self.0.partition_point(|(from, _)| *from <= at_s) - 1].1
    }

    /// When it changes.
    #[cfg(test)]
    pub fn changes(&self) -> impl Iterator<Item = i64> {
        self.0[1..].iter().map(|(at, _)| *at)
    }

    /// The days from 2020 on that cannot be answered exactly: those that begin inside a segment, and those at which
    /// clocks go back over midnight, so that a date comes, goes and comes again.
    pub fn uncut(&self) -> Vec<Uncut> {
        let first_s = FIRST_HOUR.start_ms() / 1000;
        let mut found = Vec::new();
        for (i, (from, offset)) in self.0.iter().copied().enumerate() {
            let end = self.0.get(i + 1).map_or(LISTED_UNTIL_S, |(at, _)| *at);
            if end <= first_s {
                continue;
            }
            let offset = i64::from(offset);
            if from >= first_s {
                let before = i64::from(self.0[i - 1].1);
                let (was, is) = (date(from - 1, before), date(from, offset));
                if is < was {
                    found.push(Uncut { first: is, last: was });
                } else if is > was && !is_cut(from) {
                    found.push(Uncut { first: is, last: is });
                }
            }
            // All other days of this offset begin at one time of the UTC day.
            let start = from.max(first_s);
            let midnight = start + (-(start + offset)).rem_euclid(DAY_S);
            let midnight = if midnight == from { midnight + DAY_S } else { midnight };
            if midnight < end && !is_cut(midnight) {
                found.push(Uncut { first: date(midnight, offset), last: date(end - 1, offset) });
            }
        }
        found
    }
}

fn is_cut(at_s: i64) -> bool {
    let at: UnixMs = at_s * 1000;
    Segment::of(at).is_some_and(|segment| segment.start_ms() == at)
}

fn date(at_s: i64, offset_s: i64) -> Date {
    let local = DateTime::from_timestamp(at_s + offset_s, 0).unwrap_or_default();
    debug_assert!(local.time() >= NaiveTime::MIN);
    Date(local.date_naive())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A zone of two offsets.
    pub fn offsets(changes: &[(&str, i32)], first: i32) -> Offsets {
        let at = |text: &str| super::super::parse_rfc3339(text).expect(text) / 1000;
        let rest = changes.iter().map(|(text, offset)| (at(text), *offset));
        Offsets([(i64::MIN, first)].into_iter().chain(rest).collect())
    }

    #[test]
    fn days_that_cannot_be_cut_are_found() {
        let uncut = |first: i32, changes: &[(&str, i32)]| -> Vec<(String, String)> {
            let found = offsets(changes, first).uncut();
            found.into_iter().map(|days| (days.first.to_string(), days.last.to_string())).collect()
        };
        let days = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        const HOUR: i32 = 3600;
        assert_eq!(uncut(HOUR, &[]), []);
        assert_eq!(uncut(5 * HOUR + 2700, &[]), [], "Nepal's midnight is at 18:15 UTC, where rollups are cut");
        // A made-up offset whose midnight, 22:45 UTC, is no cut; until clocks are on the hour again.
        let changed = [("2027-03-01T23:00:00Z", HOUR + 900), ("2027-03-09T23:30:00Z", HOUR)];
        assert_eq!(uncut(HOUR, &changed), [days("2027-03-03", "2027-03-10")]);
        assert_eq!(uncut(HOUR + 900, &[]), [days("2020-01-02", "2100-01-01")]);
        assert_eq!(uncut(HOUR + 7, &[]), [days("2020-01-02", "2100-01-01")], "seconds are no cut either");
        // A day that begins where clocks jump over midnight.
        assert_eq!(uncut(0, &[("2027-03-01T23:50:00Z", HOUR)]), [days("2027-03-02", "2027-03-02")]);
        // Newfoundland until 2011: at 00:01 back to 23:01, so that the date before comes again.
        let back = [("2027-11-07T02:31:00Z", -(3 * HOUR + 1800))];
        assert_eq!(uncut(-(2 * HOUR + 1800), &back), [days("2027-11-06", "2027-11-07")]);
        // Cuba: at 01:00 back to 00:00, the same date twice.
        assert_eq!(uncut(-4 * HOUR, &[("2026-11-01T05:00:00Z", -5 * HOUR)]), []);
    }
}
