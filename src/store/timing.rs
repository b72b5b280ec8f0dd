//! When usage came: by UTC day of the calls, for each segment how many came on time and how many late, when the first
//! and the last did, and what came in vain.
//!
//! ```text
//! key     organization UTF-8 | NUL | day u32 | 0                  the day's segments
//!                                            | 1 + segment u8     one segment by series
//! value   a frame (see `store::packed`) around varints, see `Day` and `BySeries`
//! ```
//!
//! Usage of an hour comes while it is fresh, and nearly all of it on time; or all of it is loaded later, and nearly all of
//! it is late. Then sums say of every series what the segment says of all. Only from the first exception on is it written
//! down by series: of what came second, late after on time or the other way round.

use std::collections::BTreeMap;
use std::ops::Range;

use redb::{ReadableTable, Table};

use super::packed::{bind, body, frame, put_varint, take_byte, take_varint_u32, take_varint_u64};
use super::{Bytes, Reader, StoreError, TIMING, Writer, damaged};
use crate::model::{Count, Day, Overflow, SEGMENTS, Segment, SeriesId};
use crate::rollup::Row;

const VERSION: u8 = 1;
/// What comes after the organization's name.
const TAIL_OF_KEY: usize = 1 + 4 + 1;

/// What is told apart by series in a segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Exceptions {
    /// Nothing: all is on time, or all is late.
    #[default]
    None,
    Late,
    OnTime,
}

/// When a segment's usage came. Counts are of requests, but for records that made no event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SegmentTiming {
    pub on_time: u64,
    pub late: u64,
    /// Those of both whose place a record of another series or segment took since. Which of the two they were is not known.
    pub taken_back: u64,
    pub exceptions: Exceptions,
    /// In Unix seconds; `None` when nothing came.
    pub first_and_last: Option<(u64, u64)>,
    /// Records that made no event.
    pub rejected: u64,
}

/// The same of one series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeriesTiming {
    /// How many are exceptions.
    pub exceptions: u64,
    /// How many were taken back since there are any.
    pub taken_back: u64,
    /// Records of what was counted before.
    pub duplicates: u64,
}

/// What came of one segment.
#[derive(Debug)]
pub struct Came<'r> {
    /// What was counted.
    pub rows: &'r [Row],
    pub late: Late<'r>,
    /// How many requests records of the same transaction took the place of.
    pub taken_back: &'r BTreeMap<SeriesId, u64>,
    pub duplicates: &'r BTreeMap<SeriesId, u64>,
}

/// Which of what came is late.
#[derive(Debug, Default, Clone, Copy)]
pub enum Late<'r> {
    #[default]
    None,
    All,
    /// So many requests of each series.
    Some(&'r BTreeMap<SeriesId, u64>),
}

impl SegmentTiming {
    /// How many requests the sums have that came as it says.
    pub fn requests(&self) -> u64 {
        (self.on_time + self.late).saturating_sub(self.taken_back)
    }

    /// Whether what is no exception is late.
    pub fn is_late(&self) -> bool {
        match self.exceptions {
            Exceptions::None => self.late > 0,
            Exceptions::Late => false,
            Exceptions::OnTime => true,
        }
    }

    /// Takes up what came, and says what there is to write down by series.
    fn take(&mut self, came: &Came<'_>, now_s: u64) -> Result<BTreeMap<SeriesId, SeriesTiming>, Overflow> {
        let mut by_series: BTreeMap<SeriesId, SeriesTiming> = BTreeMap::new();
        let mut of_rows: Vec<(SeriesId, u64, u64)> = Vec::new();
        let mut left = came.taken_back.clone();
        for (series, measures) in came.rows {
            let requests = measures.get(Count::Requests);
            let late = match came.late {
                Late::None => 0,
                Late::All => requests,
                Late::Some(late) => late.get(series).copied().unwrap_or(0),
            };
            // What takes the place of a call of the same series and segment is no other request.
            let again = left.get_mut(series).map_or(0, |left| {
                let again = requests.min(*left);
                *left -= again;
                again
            });
            let on_time = requests.checked_sub(late).ok_or(Overflow)?;
            let again_late = again.saturating_sub(on_time);
            of_rows.push((*series, on_time.saturating_sub(again), late - again_late));
        }
        let sum = |of: fn(&(SeriesId, u64, u64)) -> u64| of_rows.iter().map(of).try_fold(0u64, u64::checked_add);
        let on_time = sum(|of| of.1).ok_or(Overflow)?;
        let late = sum(|of| of.2).ok_or(Overflow)?;
        if self.exceptions == Exceptions::None && self.on_time + on_time > 0 && self.late + late > 0 {
            let late_came_first = self.late > 0;
            self.exceptions = if late_came_first { Exceptions::OnTime } else { Exceptions::Late };
        }
        self.on_time = self.on_time.checked_add(on_time).ok_or(Overflow)?;
        self.late = self.late.checked_add(late).ok_or(Overflow)?;
        for (series, on_time, late) in of_rows {
            let exceptions = match self.exceptions {
                Exceptions::None => 0,
                Exceptions::Late => late,
                Exceptions::OnTime => on_time,
            };
            if exceptions > 0 {
                by_series.entry(series).or_default().exceptions += exceptions;
            }
        }
        for (series, requests) in left.into_iter().filter(|(_, left)| *left > 0) {
            self.taken_back = self.taken_back.checked_add(requests).ok_or(Overflow)?;
            if self.exceptions != Exceptions::None {
                by_series.entry(series).or_default().taken_back += requests;
            }
        }
        for (series, duplicates) in came.duplicates {
            by_series.entry(*series).or_default().duplicates += duplicates;
        }
        if !came.rows.is_empty() {
            let (first, last) = self.first_and_last.unwrap_or((now_s, now_s));
            self.first_and_last = Some((first.min(now_s), last.max(now_s)));
        }
        Ok(by_series)
    }
}

/// A day's segments, of those that have any.
type OfDay = BTreeMap<u8, SegmentTiming>;

fn encode_day(key: &[u8], of_day: &OfDay) -> Vec<u8> {
    let mut out = Vec::with_capacity(of_day.len() * 16);
    for (segment, timing) in of_day {
        let exceptions = match timing.exceptions {
            Exceptions::None => 0,
            Exceptions::Late => 1,
            Exceptions::OnTime => 2,
        };
        out.extend([*segment, exceptions]);
        let (first, last) = timing.first_and_last.unwrap_or_default();
        let numbers = [timing.on_time, timing.late, timing.taken_back, timing.rejected, first, last - first];
        numbers.iter().for_each(|number| put_varint(&mut out, u128::from(*number)));
    }
    bind(key, frame(VERSION, &out))
}

fn decode_day(key: &[u8], value: &[u8]) -> Result<OfDay, StoreError> {
    let mut at = body(VERSION, key, value)?;
    let mut of_day = OfDay::new();
    while !at.is_empty() {
        let (segment, exceptions) = (take_byte(&mut at)?, take_byte(&mut at)?);
        let exceptions = match exceptions {
            0 => Exceptions::None,
            1 => Exceptions::Late,
            2 => Exceptions::OnTime,
            _ => return Err(damaged("what a segment's timing tells apart")),
        };
        let mut numbers = [0; 6];
        for number in &mut numbers {
            *number = take_varint_u64(&mut at)?;
        }
        let [on_time, late, taken_back, rejected, first, after] = numbers;
        let last = first.checked_add(after).ok_or(Overflow)?;
        let first_and_last = (first > 0).then_some((first, last));
        let timing = SegmentTiming { on_time, late, taken_back, exceptions, first_and_last, rejected };
        let is_next =
            usize::from(segment) < SEGMENTS && of_day.last_key_value().is_none_or(|(last, _)| *last < segment);
        if !is_next || on_time.checked_add(late).is_none_or(|came| came > 0 && first == 0) {
            return Err(damaged("a day's timing has its segments out of order, or usage that never came"));
        }
        of_day.insert(segment, timing);
    }
    Ok(of_day)
}

type BySeries = BTreeMap<SeriesId, SeriesTiming>;

fn encode_series(key: &[u8], by_series: &BySeries) -> Vec<u8> {
    let mut out = Vec::with_capacity(by_series.len() * 5);
    let mut last = 0;
    for (series, timing) in by_series {
        let numbers = [u64::from(series.0 - last), timing.exceptions, timing.taken_back, timing.duplicates];
        numbers.iter().for_each(|number| put_varint(&mut out, u128::from(*number)));
        last = series.0;
    }
    bind(key, frame(VERSION, &out))
}

fn decode_series(key: &[u8], value: &[u8]) -> Result<BySeries, StoreError> {
    let mut at = body(VERSION, key, value)?;
    let (mut by_series, mut series) = (BySeries::new(), 0u32);
    while !at.is_empty() {
        series = series.checked_add(take_varint_u32(&mut at)?).ok_or(Overflow)?;
        let [exceptions, taken_back, duplicates] =
            [take_varint_u64(&mut at)?, take_varint_u64(&mut at)?, take_varint_u64(&mut at)?];
        let twice = by_series.insert(SeriesId(series), SeriesTiming { exceptions, taken_back, duplicates });
        if twice.is_some() {
            return Err(damaged("a segment's timing has a series twice"));
        }
    }
    Ok(by_series)
}

/// What the keys of an organization's day begin with.
fn day_key(organization: &str, day: Day) -> Vec<u8> {
    let mut key = Vec::with_capacity(organization.len() + TAIL_OF_KEY);
    key.extend(organization.as_bytes());
    key.push(0);
    key.extend(day.0.to_be_bytes());
    key
}

fn key(organization: &str, day: Day, what: u8) -> Vec<u8> {
    let mut key = day_key(organization, day);
    key.push(what);
    key
}

/// The organization, the day, and whether it is of all its segments or of one by series; `None` when it is no key of this
/// table.
fn parts(key: &[u8]) -> Option<(&str, Day, Option<u8>)> {
    let (organization, tail) = key.split_at_checked(key.len().checked_sub(TAIL_OF_KEY)?)?;
    let organization = std::str::from_utf8(organization).ok()?;
    let day = Day(u32::from_be_bytes(tail[1..5].try_into().expect("four bytes")));
    let segment = tail[5].checked_sub(1);
    let is_one = tail[0] == 0 && !organization.contains('\0') && segment.is_none_or(|of| usize::from(of) < SEGMENTS);
    is_one.then_some((organization, day, segment))
}

/// Checks one entry of the table. `series` is how many series an organization has.
pub(super) fn check(key: &[u8], value: &[u8], series: impl Fn(&str) -> usize) -> Result<(), StoreError> {
    let (organization, _, segment) = parts(key).ok_or_else(|| damaged("it is no key of when usage came"))?;
    if segment.is_none() {
        return decode_day(key, value).map(drop);
    }
    let by_series = decode_series(key, value)?;
    match by_series.last_key_value() {
        Some((last, _)) if (last.0 as usize) < series(organization) => Ok(()),
        _ => Err(damaged("a segment's timing by series is of none, or of one without a name")),
    }
}

/// What the table says of a segment: first of all of it, then of series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    Segment(Segment, SegmentTiming),
    Series(Segment, SeriesId, SeriesTiming),
}

impl Reader {
    /// Calls `visit` with what is known of when an organization's usage of some segments came, day by day.
    pub fn timing(
        &self,
        organization: &str,
        segments: Range<Segment>,
        mut visit: impl FnMut(Timing),
    ) -> Result<(), StoreError> {
        if segments.is_empty() {
            return Ok(());
        }
        let table = self.transaction.open_table(TIMING)?;
        let first = day_key(organization, segments.start.day());
        let end = day_key(organization, Segment(segments.end.0 - 1).day().next());
        for entry in table.range::<&[u8]>(&first[..]..&end[..])? {
            let (key, value) = entry?;
            let (key, value) = (key.value(), value.value());
            let (_, day, of) = parts(key).ok_or_else(|| damaged("a key of when usage came"))?;
            let at = |of: u8| Segment(day.first_segment().0 + u32::from(of));
            match of {
                None => decode_day(key, value)?
                    .into_iter()
                    .map(|(of, timing)| (at(of), timing))
                    .filter(|(segment, _)| segments.contains(segment))
                    .for_each(|(segment, timing)| visit(Timing::Segment(segment, timing))),
                Some(of) if segments.contains(&at(of)) => decode_series(key, value)?
                    .into_iter()
                    .for_each(|(series, timing)| visit(Timing::Series(at(of), series, timing))),
                Some(_) => {}
            }
        }
        Ok(())
    }
}

impl Writer {
    /// Notes what came of the segments of an organization's day.
    pub fn note_arrivals<'r>(
        &self,
        organization: &str,
        day: Day,
        now_s: u64,
        came: impl IntoIterator<Item = (Segment, Came<'r>)>,
    ) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(TIMING)?;
        let of_day_key = key(organization, day, 0);
        let mut of_day = of_day(&table, &of_day_key)?;
        for (segment, came) in came {
            let number = segment.of_day() as u8;
            let by_series = of_day.entry(number).or_default().take(&came, now_s)?;
            if by_series.is_empty() {
                continue;
            }
            let key = key(organization, day, 1 + number);
            let mut known = table.get(&key[..])?.map(|known| decode_series(&key, known.value())).transpose()?;
            let sums = known.get_or_insert_default();
            for (series, more) in by_series {
                let sum = sums.entry(series).or_default();
                let add = |a: u64, b: u64| a.checked_add(b).ok_or(Overflow);
                *sum = SeriesTiming {
                    exceptions: add(sum.exceptions, more.exceptions)?,
                    taken_back: add(sum.taken_back, more.taken_back)?,
                    duplicates: add(sum.duplicates, more.duplicates)?,
                };
            }
            self.touch_record(TIMING, &key);
            table.insert(&key[..], &encode_series(&key, sums)[..])?;
        }
        self.touch_record(TIMING, &of_day_key);
        table.insert(&of_day_key[..], &encode_day(&of_day_key, &of_day)[..])?;
        Ok(())
    }

    /// Notes records that made no event, by the segment they said they were of.
    pub fn note_rejected(&self, organization: &str, rejected: &BTreeMap<Segment, u64>) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(TIMING)?;
        let mut rejected = rejected.iter().peekable();
        while let Some(day) = rejected.peek().map(|(segment, _)| segment.day()) {
            let key = key(organization, day, 0);
            let mut of_day = of_day(&table, &key)?;
            while let Some((segment, records)) = rejected.next_if(|(segment, _)| segment.day() == day) {
                let sum = &mut of_day.entry(segment.of_day() as u8).or_default().rejected;
                *sum = sum.checked_add(*records).ok_or(Overflow)?;
            }
            self.touch_record(TIMING, &key);
            table.insert(&key[..], &encode_day(&key, &of_day)[..])?;
        }
        Ok(())
    }

    /// Forgets when an organization's usage of before a day came.
    pub fn forget_timing(&self, organization: &str, before: Day) -> Result<(), StoreError> {
        let [first, end] = [Day(0), before].map(|day| day_key(organization, day));
        self.remove(TIMING, &first, &end)
    }
}

fn of_day(table: &Table<'_, Bytes, Bytes>, key: &[u8]) -> Result<OfDay, StoreError> {
    let known = table.get(key)?.map(|known| decode_day(key, known.value())).transpose()?;
    Ok(known.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::super::Store;
    use super::*;
    use crate::model::Measures;

    const DAY: Day = Day(20_600);
    static NONE: BTreeMap<SeriesId, u64> = BTreeMap::new();

    fn segment() -> Segment {
        DAY.first_segment()
    }

    fn rows(requests: &[(u32, u64)]) -> Vec<Row> {
        let row = |(series, requests): &(u32, u64)| {
            let mut measures = Measures::ZERO;
            measures.counts[Count::Requests as usize] = *requests;
            (SeriesId(*series), measures)
        };
        requests.iter().map(row).collect()
    }

    fn by_series(counts: &[(u32, u64)]) -> BTreeMap<SeriesId, u64> {
        counts.iter().map(|(series, count)| (SeriesId(*series), *count)).collect()
    }

    fn note(store: &Store, now_s: u64, came: Came<'_>) {
        let writer = store.begin().unwrap();
        writer.note_arrivals("acme", DAY, now_s, [(segment(), came)]).unwrap();
        writer.commit().unwrap();
    }

    fn timing(store: &Store) -> (SegmentTiming, BTreeMap<u32, SeriesTiming>) {
        let (mut of_segment, mut of_series) = (SegmentTiming::default(), BTreeMap::new());
        let visit = |timing| match timing {
            Timing::Segment(_, timing) => of_segment = timing,
            Timing::Series(_, series, timing) => drop(of_series.insert(series.0, timing)),
        };
        let one = segment()..Segment(segment().0 + 1);
        store.reader().unwrap().timing("acme", one, visit).unwrap();
        (of_segment, of_series)
    }

    fn came<'r>(rows: &'r [Row], late: Late<'r>) -> Came<'r> {
        Came { rows, late, taken_back: &NONE, duplicates: &NONE }
    }

    #[test]
    fn what_comes_second_is_told_apart_by_series() {
        let check = |first: Late<'static>, second: Late<'static>, exceptions: Exceptions, counts: [u64; 2]| {
            let store = Store::open_backend(InMemoryBackend::new()).unwrap();
            note(&store, 100, came(&rows(&[(0, 5), (3, 7)]), first));
            assert_eq!(timing(&store).1, BTreeMap::new(), "all alike are told apart by nobody");
            note(&store, 90, came(&rows(&[(3, 2), (9, 1)]), second));
            let (of_segment, of_series) = timing(&store);
            assert_eq!([of_segment.on_time, of_segment.late], counts);
            assert_eq!((of_segment.exceptions, of_segment.first_and_last), (exceptions, Some((90, 100))));
            let second: Vec<_> = of_series.iter().map(|(series, of)| (*series, of.exceptions)).collect();
            let expected: &[(u32, u64)] = if exceptions == Exceptions::None { &[] } else { &[(3, 2), (9, 1)] };
            assert_eq!(second, expected);
        };
        check(Late::None, Late::None, Exceptions::None, [15, 0]);
        check(Late::All, Late::All, Exceptions::None, [0, 15]);
        check(Late::None, Late::All, Exceptions::Late, [12, 3]);
        check(Late::All, Late::None, Exceptions::OnTime, [3, 12]);
    }

    #[test]
    fn some_of_what_comes_at_once_may_be_late() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        note(&store, 100, came(&rows(&[(0, 5), (3, 7)]), Late::Some(&by_series(&[(3, 4)]))));
        let (of_segment, of_series) = timing(&store);
        assert_eq!((of_segment.on_time, of_segment.late, of_segment.exceptions), (8, 4, Exceptions::Late));
        assert_eq!(of_series, [(3, SeriesTiming { exceptions: 4, ..SeriesTiming::default() })].into());
    }

    #[test]
    fn a_record_in_the_place_of_another_is_no_other_request() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        note(&store, 100, came(&rows(&[(0, 5)]), Late::None));
        // One of the same series and segment, and one that was of series 0 and is of series 1 now.
        let taken_back = by_series(&[(0, 2)]);
        note(&store, 200, Came { taken_back: &taken_back, ..came(&rows(&[(0, 1), (1, 1)]), Late::All) });
        let (of_segment, of_series) = timing(&store);
        assert_eq!((of_segment.on_time, of_segment.late, of_segment.taken_back), (5, 1, 1));
        assert_eq!((of_segment.requests(), of_segment.first_and_last), (5, Some((100, 200))));
        let of_0 = SeriesTiming { taken_back: 1, ..SeriesTiming::default() };
        let of_1 = SeriesTiming { exceptions: 1, ..SeriesTiming::default() };
        assert_eq!(of_series, [(0, of_0), (1, of_1)].into());
    }

    #[test]
    fn records_that_made_no_event_are_counted_and_old_days_forgotten() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        let duplicates = by_series(&[(2, 3)]);
        note(&store, 100, Came { duplicates: &duplicates, ..came(&[], Late::None) });
        let writer = store.begin().unwrap();
        writer.note_rejected("acme", &[(segment(), 2), (DAY.next().first_segment(), 1)].into()).unwrap();
        writer.note_rejected("acme", &[(segment(), 5)].into()).unwrap();
        writer.note_rejected("acm", &[(segment(), 9)].into()).unwrap();
        writer.commit().unwrap();
        let (of_segment, of_series) = timing(&store);
        assert_eq!((of_segment.rejected, of_segment.requests(), of_segment.first_and_last), (7, 0, None));
        assert_eq!(of_series[&2].duplicates, 3);
        let writer = store.begin().unwrap();
        writer.forget_timing("acme", DAY.next()).unwrap();
        writer.commit().unwrap();
        assert_eq!(timing(&store), (SegmentTiming::default(), BTreeMap::new()));
        let mut left = Vec::new();
        let all = segment()..Segment(segment().0 + 100);
        store.reader().unwrap().timing("acme", all, |timing| left.push(timing)).unwrap();
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn entries_that_are_not_what_was_written_are_damage() {
        let of_day_key = key("acme", DAY, 0);
        let timing =
            SegmentTiming { late: 3, first_and_last: Some((100, 120)), rejected: 1, ..SegmentTiming::default() };
        let series_key = key("acme", DAY, 5);
        let of_series = SeriesTiming { exceptions: 1, taken_back: 2, duplicates: 3 };
        for (key, value) in [
            (&of_day_key, encode_day(&of_day_key, &[(4, timing)].into())),
            (&series_key, encode_series(&series_key, &[(SeriesId(7), of_series)].into())),
        ] {
            let check = |value: &[u8]| check(key, value, |of| if of == "acme" { 8 } else { 0 });
            assert!(check(&value).is_ok());
            for byte in 0..value.len() {
                let mut changed = value.clone();
                changed[byte] ^= 1;
                assert!(check(&changed).is_err(), "byte {byte}");
            }
        }
        let value = encode_series(&series_key, &[(SeriesId(8), of_series)].into());
        assert!(check(&series_key, &value, |_| 8).is_err(), "a series without a name");
        assert!(check(b"acme", &value, |_| 8).is_err());
        let never = SegmentTiming { on_time: 1, ..SegmentTiming::default() };
        assert!(check(&of_day_key, &encode_day(&of_day_key, &[(4, never)].into()), |_| 8).is_err());
    }
}
