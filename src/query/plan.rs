//! From local buckets to stored time: the segments at which each bucket begins.

use std::ops::Range;

use crate::calendar::Bucket;
use crate::model::{Period, Segment, UnixMs};

/// Where an answer's buckets begin, and where the last one ends: bucket `i` is made of the segments from
/// `boundaries[i]` (included) to `boundaries[i + 1]` (excluded).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub boundaries: Vec<Segment>,
}

impl Plan {
    /// `buckets` must tile their window.
    pub fn of(buckets: &[Bucket]) -> Plan {
        let ends = buckets.last().map(|bucket| bucket.end);
        Plan { boundaries: buckets.iter().map(|bucket| bucket.start).chain(ends).map(boundary).collect() }
    }

    /// One bucket between two instants.
    pub fn between(start: UnixMs, end: UnixMs) -> Plan {
        Plan { boundaries: vec![boundary(start), boundary(end)] }
    }

    pub fn buckets(&self) -> usize {
        self.boundaries.len().saturating_sub(1)
    }

    /// All segments of all buckets.
    pub fn segments(&self) -> Range<Segment> {
        match (self.boundaries.first(), self.boundaries.last()) {
            (Some(first), Some(last)) => *first..*last,
            _ => Segment(0)..Segment(0),
        }
    }

    /// Some of the buckets only.
    pub fn part(&self, buckets: Range<usize>) -> Plan {
        Plan { boundaries: self.boundaries[buckets.start..=buckets.end].to_vec() }
    }

    /// The same time in a few buckets, cut where periods begin.
    pub fn in_parts(&self, parts: u32) -> Plan {
        let Range { start, end } = self.segments();
        let (first, last) = (start.period().0, Segment(end.0.saturating_sub(1)).period().0);
        let inside = (1..parts).map(|part| Period(first + (last - first + 1) * part / parts).first_segment());
        let mut boundaries: Vec<Segment> = [start].into_iter().chain(inside).chain([end]).collect();
        boundaries.retain(|boundary| (start..=end).contains(boundary));
        boundaries.dedup();
        Plan { boundaries }
    }

    /// The same time as one bucket.
    pub fn as_one(&self) -> Plan {
        let segments = self.segments();
        Plan { boundaries: vec![segments.start, segments.end] }
    }
}

/// Where usage is cut for an instant. From 2020 to 2037 that is the instant itself (a test in `calendar` holds it for
/// every zone); outside, where there is no usage, the segment it lies in will do.
pub(super) fn boundary(at: UnixMs) -> Segment {
    Segment::of(at).unwrap_or(Segment(if at < 0 { 0 } else { u32::MAX }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{BucketLabel, Zone, parse_rfc3339};

    fn check(start: &str, end: &str, segments: u32) {
        let [start, end] = [start, end].map(|t| parse_rfc3339(t).unwrap());
        let plan = Plan::of(&[Bucket { label: BucketLabel::Hour(Zone::UTC, start), start, end }]);
        let [first, last] = plan.boundaries[..] else { panic!("one bucket has two boundaries") };
        assert_eq!((first.start_ms(), last.start_ms(), last.0 - first.0), (start, end, segments));
    }

    #[test]
    fn buckets_become_segments() {
        check("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z", 37);
        check("2026-05-31T18:30:00Z", "2026-06-01T18:30:00Z", 37);
        check("2026-05-31T18:30:00Z", "2026-05-31T19:00:00Z", 1);
        check("2026-05-31T18:00:00Z", "2026-05-31T18:30:00Z", 2);
        check("2026-05-31T00:00:00Z", "2026-05-31T02:00:00Z", 2);
    }
}
