//! Which offset from UTC a zone has when: what is needed to print moments in it without knowing its rules.

use std::ops::Range;

use super::Zone;
use crate::model::{HOUR_MS, UnixMs};

/// How far apart offsets are compared. No zone changes its offset and takes it back within a day.
const STEP_MS: i64 = 24 * HOUR_MS;
/// Where the offset begins in RFC 3339 to the second.
const OFFSET_AT: usize = "2026-06-01T00:00:00".len();

impl Zone {
    /// The offset from UTC at an instant: `+05:30`.
    pub fn offset(self, at: UnixMs) -> String {
        self.rfc3339(at).split_off(OFFSET_AT)
    }

    /// The offset at the beginning of a span of time, then every other one with the second from which on it holds.
    pub fn offsets(self, span: Range<UnixMs>) -> Vec<(UnixMs, String)> {
        let mut held = self.offset_ms(span.start);
        let mut found = vec![(span.start, self.offset(span.start))];
        let mut at = span.start;
        while at < span.end {
            let next = (at + STEP_MS).min(span.end);
            let then = self.offset_ms(next);
            if then != held {
                let (mut before, mut reached) = (at, next);
                while reached - before > 1000 {
                    let middle = (before + reached).div_euclid(2000) * 1000;
                    if self.offset_ms(middle) == held { before = middle } else { reached = middle }
                }
                found.push((reached, self.offset(reached)));
                held = then;
            }
            at = next;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{parse_rfc3339, rfc3339_utc};

    fn utc_ms(text: &str) -> UnixMs {
        parse_rfc3339(text).expect(text)
    }

    fn check_offsets(zone: &str, from: &str, to: &str, expected: &[(&str, &str)]) {
        let found = Zone::named(zone).unwrap().offsets(utc_ms(from)..utc_ms(to));
        let found: Vec<_> = found.into_iter().map(|(at, offset)| (rfc3339_utc(at), offset)).collect();
        let expected: Vec<_> = expected.iter().map(|(at, offset)| (at.to_string(), offset.to_string())).collect();
        assert_eq!(found, expected, "{zone}");
    }

    #[test]
    fn offsets_change_in_the_second_in_which_clocks_do() {
        let (from, to) = ("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
        check_offsets("UTC", from, to, &[(from, "+00:00")]);
        check_offsets("Asia/Kathmandu", from, to, &[(from, "+05:45")]);
        check_offsets(
            "Europe/Paris",
            from,
            to,
            &[(from, "+01:00"), ("2025-03-30T01:00:00Z", "+02:00"), ("2025-10-26T01:00:00Z", "+01:00")],
        );
        check_offsets(
            "Australia/Lord_Howe",
            from,
            to,
            &[(from, "+11:00"), ("2025-04-05T15:00:00Z", "+10:30"), ("2025-10-04T15:30:00Z", "+11:00")],
        );
        check_offsets(
            "Africa/Casablanca",
            from,
            to,
            &[(from, "+01:00"), ("2025-02-23T02:00:00Z", "+00:00"), ("2025-04-06T02:00:00Z", "+01:00")],
        );
    }

    /// A stride that meets every hour of the day, in every zone.
    #[test]
    fn a_moment_has_the_offset_that_was_last_to_begin() {
        let (from, to) = (utc_ms("2020-01-01T00:00:00Z"), utc_ms("2038-01-01T00:00:00Z"));
        for zone in Zone::all() {
            let offsets = zone.offsets(from..to);
            let (mut at, mut place) = (from, 0);
            while at < to {
                while offsets.get(place + 1).is_some_and(|(begins, _)| *begins <= at) {
                    place += 1;
                }
                assert_eq!(offsets[place].1, zone.offset(at), "{} {}", zone.name(), rfc3339_utc(at));
                at += 131 * HOUR_MS;
            }
        }
    }
}
