//! From local buckets to scans: which hours, and which parts of hours, make up each bucket.

use std::ops::Range;

use crate::calendar::Bucket;
use crate::model::{Day, HOUR_MS, Hour, Quarter, Slot, UnixMs};

/// Where the rows of one bucket are: all of `hours`, plus `add`, less `subtract`.
///
/// A bucket that begins inside an hour has the whole hour less the part before it; one that ends inside an hour has
/// the part before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub hours: Range<Hour>,
    pub add: Option<Slot>,
    pub subtract: Option<Slot>,
}

/// The spans of an answer's buckets, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub spans: Vec<Span>,
}

impl Plan {
    pub fn of(buckets: &[Bucket]) -> Plan {
        let span = |bucket: &Bucket| {
            let (start, end) = (cut(bucket.start), cut(bucket.end));
            let part = |slot: Slot| (slot.before != Quarter::WHOLE).then_some(slot);
            Span { hours: start.hour..end.hour, add: part(end), subtract: part(start) }
        };
        Plan { spans: buckets.iter().map(span).collect() }
    }

    /// The UTC days that lie in the plan from end to end.
    pub fn whole_days(&self) -> Range<Day> {
        let (Some(first), Some(last)) = (self.spans.first(), self.spans.last()) else { return Day(0)..Day(0) };
        let start = first.hours.start;
        let starts_with_its_day = first.subtract.is_none() && start.day().first_hour() == start;
        let from = if starts_with_its_day { start.day() } else { start.day().next() };
        from..last.hours.end.day().max(from)
    }

    /// From the first day that has anything of the plan to the day after the last.
    pub fn days(&self) -> (Day, Day) {
        match (self.spans.first(), self.spans.last()) {
            (Some(first), Some(last)) => (first.hours.start.day(), last.hours.end.day().next()),
            _ => (Day(0), Day(0)),
        }
    }

    /// Hours between the first and the last.
    pub fn hours(&self) -> u32 {
        match (self.spans.first(), self.spans.last()) {
            (Some(first), Some(last)) => last.hours.end.0.saturating_sub(first.hours.start.0),
            _ => 0,
        }
    }
}

/// Where rollups are cut for an instant. From 2020 to 2037 that is the instant itself (a test in `calendar` holds
/// it for every zone); outside, where there is no usage, the hour it lies in will do.
fn cut(at: UnixMs) -> Slot {
    let hour = || Hour(at.div_euclid(HOUR_MS).clamp(0, i64::from(u32::MAX)) as u32);
    Slot::boundary(at).unwrap_or_else(|| Slot::whole(hour()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse_rfc3339;

    fn check(start: &str, end: &str, hours: u32, add: Option<u8>, subtract: Option<u8>) {
        let [start, end] = [start, end].map(|t| parse_rfc3339(t).unwrap());
        let span = &Plan::of(&[Bucket { label: String::new(), start, end }]).spans[0];
        assert_eq!(span.hours.end.0 - span.hours.start.0, hours);
        assert_eq!((span.add.map(|s| s.before.0), span.subtract.map(|s| s.before.0)), (add, subtract));
    }

    #[test]
    fn buckets_become_hours_and_parts() {
        check("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z", 24, None, None);
        check("2026-05-31T18:30:00Z", "2026-06-01T18:30:00Z", 24, Some(2), Some(2));
        check("2026-05-31T18:30:00Z", "2026-05-31T19:00:00Z", 1, None, Some(2));
        check("2026-05-31T18:00:00Z", "2026-05-31T18:30:00Z", 0, Some(2), None);
        check("2026-05-31T18:15:00Z", "2026-05-31T18:30:00Z", 0, Some(2), Some(1));
    }
}
