//! Calls that were counted before all of their tokens were known, or whose they are, and what is taken out of the sums
//! when a later record completes one.
//!
//! ```text
//! key     org u32 | id 12 bytes | segment u32
//! value   a frame (see `store::packed`) around varints: what is known | series | hour of arrival |
//!         number of other hours | other hours | 11 counts | picodollars
//! ```
//!
//! A call is here from the transaction that counts it until the one after which nothing more can become known, or until
//! its usage is too old to keep. Exactly what is written here is then taken out of the sums again. It was added as it is:
//! the cost of a call whose tokens are not known is the sender's or nobody's, which no repricing touches; calls of which
//! only the caller is not known are forgotten here by a repricing, and stay as they are.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use redb::{ReadableTable, Table};

use super::block::{self, Block};
use super::ids::{FINGERPRINT, SeenIds};
use super::packed::{bind, body, frame, put_varint, take_varint, take_varint_u32, take_varint_u64};
use super::runs::Seen;
use super::seal::KeyRows;
use super::{Bytes, INCOMPLETE, Log, OPEN, StoreError, Unshipped, Writer, damaged, keys};
use crate::model::{
    COUNTS, Completeness, Count, Day, FIRST_HOUR, Fingerprint, Hour, Measures, OrganizationId, Period, PicoUsd,
    Segment, Series, SeriesId, Usage,
};
use crate::rollup::{self, Row};

const VERSION: u8 = 1;
/// Hours in which records of one call may have stood before it is over. Beyond, only its end takes it to another one.
const MAX_OTHER_HOURS: usize = 16;

/// What one call was counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub segment: Segment,
    pub series: SeriesId,
    pub completeness: Completeness,
    pub measures: Measures,
}

impl Counted {
    /// Whether of two records of one call that know as much of it this one counts. They are in one order, so that
    /// whichever comes first the same one stands in the end: by figures, then with a cost before without, then by the
    /// earlier time.
    pub fn is_more_than(&self, other: &Counted) -> bool {
        let figures = |of: &Counted| {
            let [figures @ .., unpriced] = of.measures.counts;
            (figures, Reverse(unpriced), of.measures.cost, Reverse(of.segment))
        };
        figures(self) > figures(other)
    }

    pub fn hour(&self) -> Hour {
        Hour::of(self.segment.start_ms()).expect("segments begin after 1970")
    }

    /// Appends it as numbers.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        [self.segment.0, self.series.0, self.completeness as u32].iter().for_each(|of| put_varint(out, (*of).into()));
        put_measures(out, &self.measures);
    }

    /// Takes it off the front.
    pub(super) fn read(at: &mut &[u8]) -> Result<Counted, StoreError> {
        let (segment, series) = (Segment(take_varint_u32(at)?), SeriesId(take_varint_u32(at)?));
        let completeness = match take_varint(at)? {
            0 => Completeness::TokensUnknown,
            1 => Completeness::AtLeast,
            2 => Completeness::Final,
            3 => Completeness::CallerUnknown,
            _ => return Err(damaged("how much is known of a call")),
        };
        Ok(Counted { segment, series, completeness, measures: take_measures(at)? })
    }
}

fn put_measures(out: &mut Vec<u8>, measures: &Measures) {
    measures.counts.iter().for_each(|count| put_varint(out, u128::from(*count)));
    put_varint(out, u128::try_from(measures.cost.0).expect("an event costs 0 or more"));
}

fn take_measures(at: &mut &[u8]) -> Result<Measures, StoreError> {
    let mut counts = [0; COUNTS];
    for count in &mut counts {
        *count = take_varint_u64(at)?;
    }
    let cost = i128::try_from(take_varint(at)?).map_err(|_| damaged("the cost of a call"))?;
    Ok(Measures { counts, cost: PicoUsd(cost) })
}

/// What is written of a lower bound of a call of which another record said whose it is, and when.
const PLACED: u128 = 4;

/// A call of which more may become known.
pub struct Waiting {
    pub counted: Counted,
    /// Whose it is and when is settled: its figures are a lower bound that came later.
    pub is_placed: bool,
    /// When its id came first.
    arrival: Hour,
    /// Hours of earlier records, which its id is kept with as well.
    other_hours: Vec<Hour>,
}

impl Waiting {
    fn is_of(&self, hour: Hour) -> bool {
        self.counted.hour() == hour || self.other_hours.contains(&hour)
    }

    fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, if self.is_placed { PLACED } else { self.counted.completeness as u128 });
        let mut put = |number: u64| put_varint(&mut out, u128::from(number));
        put(u64::from(self.counted.series.0));
        put(u64::from(self.arrival.0));
        put(self.other_hours.len() as u64);
        self.other_hours.iter().for_each(|hour| put(u64::from(hour.0)));
        put_measures(&mut out, &self.counted.measures);
        bind(key, frame(VERSION, &out))
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Waiting, StoreError> {
        let segment = keys::incomplete_segment(key).ok_or_else(|| damaged("a key of incomplete calls"))?;
        let mut at = body(VERSION, key, value)?;
        let (completeness, is_placed) = match take_varint(&mut at)? {
            0 => (Completeness::TokensUnknown, false),
            1 => (Completeness::AtLeast, false),
            3 => (Completeness::CallerUnknown, false),
            PLACED => (Completeness::AtLeast, true),
            _ => return Err(damaged("how much is known of an incomplete call")),
        };
        let series = SeriesId(take_varint_u32(&mut at)?);
        let arrival = Hour(take_varint_u32(&mut at)?);
        let others = take_varint_u32(&mut at)? as usize;
        if others > MAX_OTHER_HOURS {
            return Err(damaged("the hours of an incomplete call"));
        }
        let other_hours = (0..others).map(|_| take_varint_u32(&mut at).map(Hour)).collect::<Result<_, _>>()?;
        let measures = take_measures(&mut at)?;
        if !at.is_empty() {
            return Err(damaged("an incomplete call with more than what it has"));
        }
        let counted = Counted { segment, series, completeness, measures };
        Ok(Waiting { counted, is_placed, arrival, other_hours })
    }
}

/// The calls of which more may become known.
pub struct Incomplete<'w>(Table<'w, Bytes, Bytes>);

impl Incomplete<'_> {
    /// Writes down what a call is counted as, whose id has just arrived.
    pub fn keep(
        &mut self,
        organization: OrganizationId,
        id: Fingerprint,
        counted: Counted,
        seen: &SeenIds,
    ) -> Result<(), StoreError> {
        let arrival = seen.arrival_hour();
        self.put(organization, id, &Waiting { counted, is_placed: false, arrival, other_hours: Vec::new() })
    }

    /// Whether a call is counted as this still.
    pub fn is(&self, organization: OrganizationId, id: Fingerprint, counted: &Counted) -> Result<bool, StoreError> {
        let key = keys::incomplete(organization, id, counted.segment);
        let Some(value) = self.0.get(&key[..])? else { return Ok(false) };
        Ok(Waiting::decode(&key, value.value())?.counted == *counted)
    }

    /// Forgets what a call was counted as that is counted so no more.
    pub fn remove(
        &mut self,
        organization: OrganizationId,
        id: Fingerprint,
        counted: &Counted,
    ) -> Result<(), StoreError> {
        self.0.remove(&keys::incomplete(organization, id, counted.segment)[..])?;
        Ok(())
    }

    fn put(&mut self, organization: OrganizationId, id: Fingerprint, waiting: &Waiting) -> Result<(), StoreError> {
        let key = keys::incomplete(organization, id, waiting.counted.segment);
        self.0.insert(&key[..], &waiting.encode(&key)[..])?;
        Ok(())
    }

    /// Finds the call of a known id that a record may complete: of the same hour or, where the id is known whatever its
    /// hour, of those that came lately.
    pub fn find(&self, seen: &SeenIds, id: Seen, in_its_hour: bool) -> Result<Option<Waiting>, StoreError> {
        let (organization, hour, id) = id;
        let [first, last] = [0, u32::MAX].map(|segment| keys::incomplete(organization, id, Segment(segment)));
        let mut found: Option<Waiting> = None;
        for entry in self.0.range::<&[u8]>(&first[..]..=&last[..])? {
            let (key, value) = entry?;
            let waiting = Waiting::decode(key.value(), value.value())?;
            let is_of_hour = waiting.is_of(hour);
            if is_of_hour || !in_its_hour && waiting.arrival >= seen.oldest_kept() {
                found = Some(waiting);
            }
            if is_of_hour {
                break;
            }
        }
        Ok(found)
    }

    /// Writes down what a call is counted as, now that a record with this id has completed it. Whether its id was not
    /// kept with the record's hour; nothing where it has records in too many hours to be changed again.
    pub fn replace(
        &mut self,
        id: Seen,
        mut waiting: Waiting,
        counted: Counted,
        is_placed: bool,
    ) -> Result<Option<bool>, StoreError> {
        let (organization, hour, id) = id;
        let is_of_new_hour = !waiting.is_of(hour);
        let is_final = counted.completeness == Completeness::Final;
        if is_of_new_hour && !is_final && waiting.other_hours.len() == MAX_OTHER_HOURS {
            return Ok(None);
        }
        let before = std::mem::replace(&mut waiting.counted, counted);
        self.remove(organization, id, &before)?;
        if !is_final {
            waiting.other_hours.extend([before.hour(), hour]);
            waiting.other_hours.sort_unstable();
            waiting.other_hours.dedup();
            waiting.other_hours.retain(|other| *other != counted.hour());
            waiting.is_placed = is_placed;
            self.put(organization, id, &waiting)?;
        }
        Ok(Some(is_of_new_hour))
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
        series: &Log<Series>,
    ) -> Result<Vec<(Period, Day)>, StoreError> {
        let mut cells: BTreeMap<(Segment, SeriesId), Measures> = BTreeMap::new();
        for call in calls {
            self.touch(|| Unshipped::Row(organization, call.segment, call.series));
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

    /// Forgets of which calls of an organization only the caller is not known: a repricing may have changed them.
    pub fn forget_unknown_callers(&self, organization: OrganizationId) -> Result<(), StoreError> {
        let [first, last] = bounds(organization);
        let mut table = self.transaction.open_table(INCOMPLETE)?;
        let mut forgotten = Vec::new();
        for entry in table.range::<&[u8]>(&first[..]..=&last[..])? {
            let (key, value) = entry?;
            let waiting = Waiting::decode(key.value(), value.value())?;
            forgotten
                .extend((waiting.counted.completeness == Completeness::CallerUnknown).then(|| key.value().to_vec()));
        }
        forgotten.iter().try_for_each(|key| table.remove(&key[..]).map(drop))?;
        Ok(())
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

/// What incomplete calls say that sums have, to be compared with them.
#[derive(Default)]
pub(super) struct Claims(BTreeMap<(OrganizationId, Segment, u32), (Measures, Measures)>);

impl Claims {
    /// Adds the call of an entry, after checking it.
    pub fn claim(&mut self, key: &[u8], value: &[u8], series: &Log<Series>) -> Result<(), StoreError> {
        let organization = keys::read_u32(key, 0).ok_or_else(|| damaged("a key of incomplete calls"))?;
        self.claim_counted(OrganizationId(organization), &Waiting::decode(key, value)?.counted, series)
    }

    /// Adds a call, after checking it.
    pub fn claim_counted(
        &mut self,
        organization: OrganizationId,
        counted: &Counted,
        series: &Log<Series>,
    ) -> Result<(), StoreError> {
        let tokens = [Count::TotalTokens, Count::InputTokens, Count::OutputTokens];
        if counted.segment.start_ms() < FIRST_HOUR.start_ms()
            || counted.series.0 as usize >= series.len()
            || counted.completeness == Completeness::TokensUnknown
                && tokens.iter().any(|count| counted.measures.get(*count) > 0)
        {
            return Err(damaged("a call of before 2020, of no series, or with tokens that nobody knows"));
        }
        let place = (organization, counted.segment, counted.series.0);
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
                "organization {}: sums of segment {}, series {series}, have less than the calls that may change",
                organization.0, segment.0
            ))),
        }
    }
}
