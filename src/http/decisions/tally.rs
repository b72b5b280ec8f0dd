//! What was refused, and what would have been, since the server started.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::{Segment, UnixMs};

/// Lines kept: the oldest go first. A thousand people who are refused every hour of a week have fewer.
const LINES: usize = 200_000;

/// What is counted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    /// `budget`, the field of a policy, or what stepped in.
    pub rule: &'static str,
    /// The budget's, policy's or guard's.
    pub id: String,
    pub project_id: Option<String>,
    pub user_id: Option<String>,
}

/// How often a line came about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    pub refused: u64,
    /// It was only to be told, or observed.
    pub observed: u64,
}

#[derive(Default)]
struct Kept {
    of: BTreeMap<Segment, HashMap<(String, Line), Times>>,
    lines: usize,
}

/// Counts by the stretches of time of which every local day is made.
#[derive(Default)]
pub struct Refusals(Mutex<Kept>);

impl Refusals {
    pub fn note(&self, organization_id: &str, now: UnixMs, line: Line, is_refused: bool) {
        let Some(segment) = Segment::of(now) else { return };
        let mut guard = self.kept();
        let kept = &mut *guard;
        let lines = kept.of.entry(segment).or_default();
        let before = lines.len();
        let times = lines.entry((organization_id.to_owned(), line)).or_default();
        *(if is_refused { &mut times.refused } else { &mut times.observed }) += 1;
        kept.lines += lines.len() - before;
        while kept.lines > LINES && kept.of.len() > 1 {
            kept.lines -= kept.of.pop_first().map_or(0, |(_, lines)| lines.len());
        }
    }

    /// What came about between two instants.
    pub fn between(&self, organization_id: &str, start: UnixMs, end: UnixMs) -> BTreeMap<Line, Times> {
        let mut found: BTreeMap<Line, Times> = BTreeMap::new();
        let here = |segment: &Segment| (start..end).contains(&segment.start_ms());
        for (_, lines) in self.kept().of.iter().filter(|(segment, _)| here(segment)) {
            for ((_, line), times) in lines.iter().filter(|((of, _), _)| of == organization_id) {
                let sum = found.entry(line.clone()).or_default();
                sum.refused += times.refused;
                sum.observed += times.observed;
            }
        }
        found
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_make_room() {
        let refusals = Refusals::default();
        let line = |number: usize| Line { rule: "budget", id: number.to_string(), project_id: None, user_id: None };
        let hour = |number: usize| 1_780_272_000_000 + 3_600_000 * number as i64;
        for number in 0..LINES + 500 {
            refusals.note("acme", hour(number / 100), line(number), number % 2 == 0);
        }
        assert!(refusals.kept().lines <= LINES);
        assert_eq!(refusals.between("acme", hour(0), hour(1)).len(), 0);
        let last = refusals.between("acme", hour(LINES / 100), i64::MAX);
        assert_eq!(last.len(), 500);
        assert_eq!(last[&line(LINES)], Times { refused: 1, observed: 0 });
        assert_eq!(refusals.between("beta", 0, i64::MAX).len(), 0);
    }
}
