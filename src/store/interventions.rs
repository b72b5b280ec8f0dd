//! Guardrails and content filters that stepped in on calls: how often, by the segment and the series of the calls.
//!
//! ```text
//! key     organization UTF-8 | NUL | segment u32 | 12 bytes of the hash of what tells the line apart
//! value   a frame (see `store::packed`) around a record: the line
//! ```
//!
//! That one counts once for a call is seen by ids, like the calls themselves. A segment of an organization has so many
//! lines at most; guards beyond them are entered under another name.

use std::ops::Range;

use redb::ReadableTable;

use super::packed::{bind, body, frame};
use super::record::{self, Decode, Encode};
use super::{INTERVENTIONS, Reader, StoreError, Writer, damaged};
use crate::model::{Fingerprint, Guard, Intervention, Overflow, Segment, SeriesId};

const VERSION: u8 = 1;
/// Lines of a segment. A hundred people of whom each is stopped by ten guards have as many.
const MAX_LINES: usize = 1000;
/// What guards past them are called.
const OTHER: &str = "other";
/// What comes after the organization's name.
const TAIL_OF_KEY: usize = 1 + 4 + 12;

/// How many calls of a series a guard stepped in on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterventionLine {
    pub series: SeriesId,
    pub intervention: Intervention,
    pub calls: u64,
}

#[derive(Encode, Decode)]
struct Stored {
    series: u32,
    guard: u8,
    name: String,
    calls: u64,
}

impl InterventionLine {
    fn encode(&self, key: &[u8]) -> Vec<u8> {
        let Intervention { guard, name } = &self.intervention;
        let stored = Stored { series: self.series.0, guard: *guard as u8, name: name.clone(), calls: self.calls };
        bind(key, frame(VERSION, &record::encode(&stored)))
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<InterventionLine, StoreError> {
        let Stored { series, guard, name, calls } = record::decode(body(VERSION, key, value)?)?;
        let guard = Guard::ALL.into_iter().find(|known| *known as u8 == guard);
        let guard = guard.ok_or_else(|| damaged("a guard of no known kind"))?;
        Ok(InterventionLine { series: SeriesId(series), intervention: Intervention { guard, name }, calls })
    }

    fn key(&self, organization: &str, segment: Segment) -> Vec<u8> {
        let Intervention { guard, name } = &self.intervention;
        let mut key = segment_key(organization, segment);
        key.extend(Fingerprint::of_bytes(&record::encode(&(self.series.0, *guard as u8, name))).0);
        key
    }
}

/// What the keys of an organization's segment begin with.
fn segment_key(organization: &str, segment: Segment) -> Vec<u8> {
    [organization.as_bytes(), &[0], &segment.0.to_be_bytes()].concat()
}

/// The organization and the segment of a key; `None` when it is none of this table.
fn parts(key: &[u8]) -> Option<(&str, Segment)> {
    let (organization, tail) = key.split_at_checked(key.len().checked_sub(TAIL_OF_KEY)?)?;
    let organization = std::str::from_utf8(organization).ok()?;
    let segment = Segment(u32::from_be_bytes(tail[1..5].try_into().expect("four bytes")));
    (tail[0] == 0 && !organization.contains('\0')).then_some((organization, segment))
}

/// Checks one entry of the table. `series` is how many series an organization has.
pub(super) fn check(key: &[u8], value: &[u8], series: impl Fn(&str) -> usize) -> Result<(), StoreError> {
    let (organization, segment) = parts(key).ok_or_else(|| damaged("it is no key of what stepped in"))?;
    let line = InterventionLine::decode(key, value)?;
    let is_named = (line.series.0 as usize) < series(organization);
    if line.calls == 0 || !is_named || line.key(organization, segment) != key {
        return Err(damaged("what stepped in on no call, or stands in another's place"));
    }
    Ok(())
}

impl Reader {
    /// Calls `visit` with what stepped in on an organization's calls of some segments.
    pub fn interventions(
        &self,
        organization: &str,
        segments: Range<Segment>,
        mut visit: impl FnMut(Segment, InterventionLine),
    ) -> Result<(), StoreError> {
        let [first, end] = [segments.start, segments.end].map(|segment| segment_key(organization, segment));
        if first >= end {
            return Ok(());
        }
        for entry in self.transaction.open_table(INTERVENTIONS)?.range::<&[u8]>(&first[..]..&end[..])? {
            let (key, value) = entry?;
            let (_, segment) = parts(key.value()).ok_or_else(|| damaged("a key of what stepped in"))?;
            visit(segment, InterventionLine::decode(key.value(), value.value())?);
        }
        Ok(())
    }
}

impl Writer {
    /// Adds to the lines of an organization.
    pub fn enter_interventions(
        &self,
        organization: &str,
        lines: impl IntoIterator<Item = (Segment, InterventionLine)>,
    ) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(INTERVENTIONS)?;
        for (segment, mut line) in lines {
            let mut key = line.key(organization, segment);
            if table.get(&key[..])?.is_none() {
                let [first, end] = [segment, segment.plus(1)].map(|segment| segment_key(organization, segment));
                if table.range::<&[u8]>(&first[..]..&end[..])?.count() >= MAX_LINES {
                    line.intervention.name = OTHER.to_owned();
                    key = line.key(organization, segment);
                }
            }
            if let Some(known) = table.get(&key[..])? {
                let known = InterventionLine::decode(&key, known.value())?;
                line.calls = line.calls.checked_add(known.calls).ok_or(Overflow)?;
            }
            self.touch_record(INTERVENTIONS, &key);
            table.insert(&key[..], &line.encode(&key)[..])?;
        }
        Ok(())
    }

    /// Removes an organization's lines of before a segment.
    pub fn forget_interventions(&self, organization: &str, before: Segment) -> Result<(), StoreError> {
        let [first, end] = [Segment(0), before].map(|segment| segment_key(organization, segment));
        self.remove(INTERVENTIONS, &first, &end)
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::super::Store;
    use super::*;

    fn line(series: u32, name: &str, calls: u64) -> InterventionLine {
        let intervention = Intervention { guard: Guard::Guardrail, name: name.to_owned() };
        InterventionLine { series: SeriesId(series), intervention, calls }
    }

    fn enter(store: &Store, organization: &str, segment: u32, lines: Vec<InterventionLine>) {
        let writer = store.begin().unwrap();
        let lines = lines.into_iter().map(|line| (Segment(segment), line));
        writer.enter_interventions(organization, lines).unwrap();
        writer.commit().unwrap();
    }

    fn found(store: &Store, organization: &str, segments: Range<u32>) -> Vec<(u32, InterventionLine)> {
        let mut found = Vec::new();
        let segments = Segment(segments.start)..Segment(segments.end);
        let visit = |segment: Segment, line| found.push((segment.0, line));
        store.reader().unwrap().interventions(organization, segments, visit).unwrap();
        found.sort_by(|a, b| (a.0, a.1.series, &a.1.intervention).cmp(&(b.0, b.1.series, &b.1.intervention)));
        found
    }

    #[test]
    fn lines_add_up_by_organization_segment_series_and_guard() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        enter(&store, "acme", 10, vec![line(0, "pii", 1), line(1, "pii", 2), line(0, "pii", 3)]);
        enter(&store, "acme", 10, vec![line(0, "pii", 4), line(0, "toxic", 1)]);
        enter(&store, "acme", 12, vec![line(0, "pii", 9)]);
        enter(&store, "acm", 10, vec![line(0, "pii", 7)]);
        let expected = [(10, line(0, "pii", 8)), (10, line(0, "toxic", 1)), (10, line(1, "pii", 2))];
        assert_eq!(found(&store, "acme", 10..12), expected);
        assert_eq!(found(&store, "acme", 0..u32::MAX).len(), 4);
        assert_eq!(found(&store, "acme", 12..12), []);
        assert_eq!(found(&store, "acme2", 0..u32::MAX), []);
        let writer = store.begin().unwrap();
        writer.forget_interventions("acme", Segment(12)).unwrap();
        writer.commit().unwrap();
        assert_eq!(found(&store, "acme", 0..u32::MAX), [(12, line(0, "pii", 9))]);
        assert_eq!(found(&store, "acm", 0..u32::MAX).len(), 1);
    }

    #[test]
    fn a_segment_has_so_many_lines_and_the_rest_have_another_name() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        enter(&store, "acme", 10, (0..MAX_LINES + 50).map(|number| line(0, &number.to_string(), 1)).collect());
        let lines = found(&store, "acme", 10..11);
        assert_eq!(lines.len(), MAX_LINES + 1);
        let other = lines.iter().find(|(_, line)| line.intervention.name == OTHER).unwrap();
        assert_eq!(other.1.calls, 50);
    }

    #[test]
    fn entries_that_are_not_what_was_written_are_damage() {
        let line = line(3, "pii", 2);
        let key = line.key("acme", Segment(10));
        let value = line.encode(&key);
        let check = |key: &[u8], value: &[u8]| check(key, value, |_| 4);
        assert!(check(&key, &value).is_ok());
        for byte in 0..value.len() {
            let mut changed = value.clone();
            changed[byte] ^= 1;
            assert!(check(&key, &changed).is_err(), "byte {byte}");
        }
        let elsewhere = line.key("acme", Segment(11));
        assert!(check(&elsewhere, &value).is_err(), "another's place");
        assert!(super::check(&key, &value, |_| 3).is_err(), "a series without a name");
        assert!(check(b"acme", &value).is_err());
    }
}
