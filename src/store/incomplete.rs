//! Calls that were counted without their tokens, and how a later record takes the place of one.
//!
//! ```text
//! key     org u32 | id 12 bytes | segment u32
//! value   a frame (see `store::packed`) around varints: series | hour of arrival | 11 counts | picodollars
//! ```
//!
//! A call is here from the transaction that counts it until the one that completes it, or until its usage is too old to
//! keep. Then exactly what is written here is taken out of the sums again. What is taken away was added as it is: a
//! cost of such a call is the sender's or nobody's, so that no repricing has touched it.

use std::collections::BTreeMap;

use redb::{ReadableTable, Table};

use super::block::{self, Block};
use super::ids::{FINGERPRINT, SeenIds};
use super::packed::{bind, body, frame, put_varint, take_varint, take_varint_u32};
use super::runs::Seen;
use super::seal::KeyRows;
use super::{Bytes, INCOMPLETE, OPEN, StoreError, Writer, damaged, keys};
use crate::model::{
    COUNTS, Count, Day, FIRST_HOUR, Fingerprint, Hour, Measures, OrganizationId, Period, PicoUsd, Segment, Series,
    SeriesId, Usage,
};
use crate::rollup::{self, Row};

const VERSION: u8 = 1;

/// What one call was counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub segment: Segment,
    pub series: SeriesId,
    pub measures: Measures,
}

impl Counted {
    pub fn hour(&self) -> Hour {
        Hour::of(self.segment.start_ms()).expect("segments begin after 1970")
    }

    fn encode(&self, key: &[u8], arrival: Hour) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, u128::from(self.series.0));
        put_varint(&mut out, u128::from(arrival.0));
        self.measures.counts.iter().for_each(|count| put_varint(&mut out, u128::from(*count)));
        put_varint(&mut out, u128::try_from(self.measures.cost.0).expect("an event costs 0 or more"));
        bind(key, frame(VERSION, &out))
    }

    /// What was counted, and the hour at which it came.
    fn decode(key: &[u8], value: &[u8]) -> Result<(Counted, Hour), StoreError> {
        let segment = keys::incomplete_segment(key).ok_or_else(|| damaged("a key of incomplete calls"))?;
        let mut at = body(VERSION, key, value)?;
        let series = SeriesId(take_varint_u32(&mut at)?);
        let arrival = Hour(take_varint_u32(&mut at)?);
        let mut counts = [0; COUNTS];
        for count in &mut counts {
            *count = u64::try_from(take_varint(&mut at)?).map_err(|_| damaged("a count of an incomplete call"))?;
        }
        let cost = i128::try_from(take_varint(&mut at)?).map_err(|_| damaged("the cost of an incomplete call"))?;
        if !at.is_empty() {
            return Err(damaged("an incomplete call with more than what it has"));
        }
        Ok((Counted { segment, series, measures: Measures { counts, cost: PicoUsd(cost) } }, arrival))
    }
}

/// The calls that wait for their tokens.
pub struct Incomplete<'w>(Table<'w, Bytes, Bytes>);

impl Incomplete<'_> {
    /// Writes down what a call is counted as, whose id has just arrived.
    pub fn keep(
        &mut self,
        organization: OrganizationId,
        id: Fingerprint,
        counted: &Counted,
        seen: &SeenIds,
    ) -> Result<(), StoreError> {
        let key = keys::incomplete(organization, id, counted.segment);
        self.0.insert(&key[..], &counted.encode(&key, seen.arrival_hour())[..])?;
        Ok(())
    }

    /// Takes out the call that an event of a known id completes, if there is one: of the same hour or, where the id is
    /// known whatever its hour, of those that came lately.
    pub fn take(&mut self, seen: &SeenIds, id: Seen, in_its_hour: bool) -> Result<Option<Counted>, StoreError> {
        let (organization, hour, id) = id;
        let [first, last] = [0, u32::MAX].map(|segment| keys::incomplete(organization, id, Segment(segment)));
        let mut found: Option<(Counted, Hour)> = None;
        for entry in self.0.range::<&[u8]>(&first[..]..=&last[..])? {
            let (key, value) = entry?;
            let (counted, arrival) = Counted::decode(key.value(), value.value())?;
            let is_of_hour = counted.hour() == hour;
            if is_of_hour || !in_its_hour && arrival >= seen.oldest_kept() {
                found = Some((counted, arrival));
            }
            if is_of_hour {
                break;
            }
        }
        let Some((counted, _)) = found else { return Ok(None) };
        self.0.remove(&keys::incomplete(organization, id, counted.segment)[..])?;
        Ok(Some(counted))
    }
}

impl Writer {
    pub fn incomplete(&self) -> Result<Incomplete<'_>, StoreError> {
        Ok(Incomplete(self.transaction.open_table(INCOMPLETE)?))
    }

    /// Takes calls out of the sums again. Most are still open. Where one is sealed, its period is sealed anew, up to
    /// the day that comes with it.
    pub fn take_back(
        &self,
        organization: OrganizationId,
        calls: &[Counted],
        series: &[Series],
    ) -> Result<Vec<(Period, Day)>, StoreError> {
        let mut cells: BTreeMap<(Segment, SeriesId), Measures> = BTreeMap::new();
        for call in calls {
            cells.entry((call.segment, call.series)).or_insert(Measures::ZERO).add(&call.measures)?;
        }
        let cells: Vec<_> = cells.into_iter().collect();
        let mut sealed: BTreeMap<Period, BTreeMap<(u32, u16), Measures>> = BTreeMap::new();
        for of_segment in cells.chunk_by(|a, b| a.0.0 == b.0.0) {
            let segment = of_segment[0].0.0;
            let rows: Vec<Row> = of_segment.iter().map(|((_, series), measures)| (*series, *measures)).collect();
            for (series, measures) in self.take_from_open(organization, segment, &rows)? {
                let of_period = sealed.entry(segment.period()).or_default();
                of_period.insert((series.0, segment.of_period()), measures);
            }
        }
        let mut done = Vec::with_capacity(sealed.len());
        for (period, mut left) in sealed {
            let last = left.keys().map(|(_, segment)| *segment).max().unwrap_or_default();
            let until = Segment(period.first_segment().0 + u32::from(last)).day().next();
            // What is open joins what is sealed first: a series' calls may be in either.
            let (opened, _) = self.take_open(organization, period, until, series)?;
            self.write_period(organization, period, &opened, series, |of_key| take_from_sealed(of_key, &mut left))?;
            if let Some((series, segment)) = left.keys().next() {
                return Err(damaged(format!(
                    "an incomplete call of series {series} in segment {segment} of period {} is not in its sums",
                    period.0
                )));
            }
            done.push((period, until));
        }
        Ok(done)
    }

    /// Takes from the open rows of a segment what they have, and gives what they have not.
    fn take_from_open(
        &self,
        organization: OrganizationId,
        segment: Segment,
        wanted: &[Row],
    ) -> Result<Vec<Row>, StoreError> {
        let mut table = self.transaction.open_table(OPEN)?;
        let [first, last] = [0, u32::MAX].map(|run| keys::open(organization, segment, run));
        let mut rows: Vec<Row> = Vec::new();
        for entry in table.range::<&[u8]>(&first[..]..=&last[..])? {
            let (key, value) = entry?;
            let block = Block::parse(key.value(), value.value())
                .map_err(|error| damaged(format!("segment {}: {error}", segment.0)))?;
            rows = rollup::merge(&rows, &block.rows())?;
        }
        let mut left = Vec::new();
        for (series, measures) in wanted {
            let row = rows.binary_search_by_key(series, |row| row.0).ok();
            // Where calls of one series are open and sealed, what is left open must still be whole calls.
            let is_whole = |rest: &Measures| rest.is_zero() || rest.get(Count::Requests) > 0;
            match row.and_then(|row| Some((row, rows[row].1.without(measures).filter(is_whole)?))) {
                Some((row, rest)) => rows[row].1 = rest,
                None => left.push((*series, *measures)),
            }
        }
        if left.len() < wanted.len() {
            rows.retain(|(_, measures)| !measures.is_zero());
            table.retain_in::<&[u8], _>(&first[..]..=&last[..], |_, _| false)?;
            if !rows.is_empty() {
                table.insert(&first[..], &block::encode(&first, &rows)[..])?;
            }
        }
        Ok(left)
    }

    /// Forgets the calls of an organization before a segment.
    pub(super) fn forget_incomplete(&self, organization: OrganizationId, before: Segment) -> Result<(), StoreError> {
        let [first, last] = bounds(organization);
        let mut table = self.transaction.open_table(INCOMPLETE)?;
        let is_kept = |key: &[u8]| keys::incomplete_segment(key).is_none_or(|segment| segment >= before);
        Ok(table.retain_in::<&[u8], _>(&first[..]..=&last[..], |key, _| is_kept(key))?)
    }
}

/// Takes calls from the sealed rows of an API key, and from `left`. Whether there were any.
fn take_from_sealed(of_key: &mut KeyRows, left: &mut BTreeMap<(u32, u16), Measures>) -> Result<bool, StoreError> {
    let before = left.len();
    left.retain(|(series, segment), measures| {
        let Some(rows) = of_key.get_mut(series) else { return true };
        let Ok(place) = rows.binary_search_by_key(segment, |row| row.0) else { return true };
        let taken = Usage { all: *measures, ..Usage::default() };
        let Some(rest) = rows[place].1.without(&taken) else { return true };
        if rest.is_zero() {
            rows.remove(place);
        } else {
            rows[place].1 = rest;
        }
        false
    });
    of_key.retain(|_, rows| !rows.is_empty());
    Ok(left.len() < before)
}

fn bounds(organization: OrganizationId) -> [[u8; 20]; 2] {
    [(Fingerprint([0; FINGERPRINT]), 0), (Fingerprint([0xff; FINGERPRINT]), u32::MAX)]
        .map(|(id, segment)| keys::incomplete(organization, id, Segment(segment)))
}

/// What calls without tokens say that sums have, to be compared with them.
#[derive(Default)]
pub(super) struct Claims(BTreeMap<(OrganizationId, Segment, u32), (Measures, Measures)>);

impl Claims {
    /// Adds the call of an entry, after checking it.
    pub fn claim(&mut self, key: &[u8], value: &[u8], series: &[Series]) -> Result<(), StoreError> {
        let organization = keys::read_u32(key, 0).ok_or_else(|| damaged("a key of incomplete calls"))?;
        let (counted, _) = Counted::decode(key, value)?;
        let tokens = [Count::TotalTokens, Count::InputTokens, Count::OutputTokens];
        if counted.segment.start_ms() < FIRST_HOUR.start_ms()
            || counted.series.0 as usize >= series.len()
            || tokens.iter().any(|count| counted.measures.get(*count) > 0)
        {
            return Err(damaged("an incomplete call of before 2020, of no series, or with tokens"));
        }
        let place = (OrganizationId(organization), counted.segment, counted.series.0);
        self.0.entry(place).or_insert((Measures::ZERO, Measures::ZERO)).0.add(&counted.measures)?;
        Ok(())
    }

    /// Notes what sums have.
    pub fn has(
        &mut self,
        organization: OrganizationId,
        segment: Segment,
        series: u32,
        measures: &Measures,
    ) -> Result<(), StoreError> {
        if let Some((_, found)) = self.0.get_mut(&(organization, segment, series)) {
            found.add(measures)?;
        }
        Ok(())
    }

    /// Names the first place where less was found than is claimed.
    pub fn finish(&self) -> Result<(), StoreError> {
        match self.0.iter().find(|(_, (claimed, found))| found.without(claimed).is_none()) {
            None => Ok(()),
            Some(((organization, segment, series), _)) => Err(damaged(format!(
                "organization {}: sums of segment {}, series {series}, have less than its incomplete calls",
                organization.0, segment.0
            ))),
        }
    }
}
