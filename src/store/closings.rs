//! Closed months: what was frozen of them, what came of earlier ones until then, and what cannot be told later from what
//! is there: how much repricing moved, and what retention removed.
//!
//! ```text
//! key     organization UTF-8 | NUL | month u32 | kind u8 | part u32
//! value   a frame (see `store::packed`) around a record: a closing, a reopening, or some lines
//! ```
//!
//! A month is closed when it has its closing, which is written last. Lines without one are left of a closing that was cut
//! short; the next closing of the organization removes them.

use std::collections::BTreeMap;

use redb::ReadableTable;

use super::block::Block;
use super::packed::{bind, body, frame};
use super::record::{self, Decode, Encode};
use super::{CLOSINGS, Dictionary, OPEN, ROWS, Reader, StoreError, Writer, damaged, keys, rows};
use crate::model::{COUNTS, Count, Measures, OrganizationId, Overflow, Period, PicoUsd, Segment, UnixMs, ValueId};

const VERSION: u8 = 1;
/// Lines of a part, and those with names, which have up to 512 characters of four bytes each: no record is too large.
const PART_LINES: usize = 4000;
const PART_NAMES: usize = 500;
/// What comes after the organization's name.
const TAIL_OF_KEY: usize = 10;

/// What an entry of the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Closing = 1,
    Owners = 2,
    Lines = 3,
    Labels = 4,
    Fixed = 5,
    Renamed = 6,
    /// What repricing moved since.
    Moved = 7,
    /// What retention removed since.
    Removed = 8,
    Reopened = 9,
    /// What pseudonyms are made with; of month 0.
    Secret = 10,
}

use Kind::{Fixed, Labels, Lines, Moved, Owners, Removed, Renamed, Reopened, Secret};

const KINDS: [Kind; 10] = [Kind::Closing, Owners, Lines, Labels, Fixed, Renamed, Moved, Removed, Reopened, Secret];

/// Requests, tokens and picodollars; less than nothing where something was taken away.
pub type ClosedSums = [i128; 3];

/// A month that is closed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Closing {
    pub id: String,
    pub organization_id: String,
    /// Since the year 0.
    pub month: u32,
    pub timezone: String,
    /// The instants at which its local days begin, and the one at which the last ends.
    pub days: Vec<UnixMs>,
    /// The moment of what is frozen.
    pub at: UnixMs,
    /// Id of the token that was used, or what else it was.
    pub actor: String,
    pub user_id: Option<String>,
    /// Of all its lines.
    pub totals: ClosedSums,
}

impl Closing {
    /// Which of its days a segment lies in, from 0.
    pub fn day_of(&self, segment: Segment) -> Option<u8> {
        let day = self.days.partition_point(|start| *start <= segment.start_ms());
        (day > 0 && day < self.days.len()).then(|| day as u8 - 1)
    }
}

/// A closing that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Reopening {
    pub closing: Closing,
    pub at: UnixMs,
    pub actor: String,
    pub user_id: Option<String>,
}

/// Whose usage it is: a person, a team and a cost centre.
pub type ClosedOwners = [Option<String>; 3];

/// What a series used on a local day for an owner.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ClosedLine {
    /// From 0.
    pub day: u8,
    pub series: u32,
    /// The place among the closing's owners.
    pub owners: u32,
    counts: [u64; COUNTS],
    cost: i128,
}

impl ClosedLine {
    pub fn new(day: u8, series: u32, owners: u32, measures: &Measures) -> ClosedLine {
        ClosedLine { day, series, owners, counts: measures.counts, cost: measures.cost.0 }
    }

    pub fn measures(&self) -> Measures {
        Measures { counts: self.counts, cost: PicoUsd(self.cost) }
    }
}

/// What something was called.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ClosedLabel {
    /// By what it is, as `ledger` numbers that.
    pub by: u8,
    pub key: Option<String>,
    pub label: String,
    pub ordinal: Option<u32>,
    pub deleted: bool,
    pub former: bool,
}

/// What had come of an earlier closed month when a later one was closed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FixedLine {
    /// The earlier month.
    pub month: u32,
    /// As `ledger` numbers it.
    pub reason: u8,
    pub day: u8,
    pub series: u32,
    pub owners: ClosedOwners,
    pub sums: ClosedSums,
}

/// A name that was another when an earlier month was closed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FixedName {
    /// The earlier month.
    pub month: u32,
    pub by: u8,
    pub key: Option<String>,
    pub label: String,
}

/// Day, series and picodollars.
pub type MovedLine = (u8, u32, i128);
/// Day, series and what was removed of it.
pub type RemovedLine = (u8, u32, ClosedSums);

/// All that a closing keeps beside itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closed {
    pub owners: Vec<ClosedOwners>,
    pub lines: Vec<ClosedLine>,
    pub labels: Vec<ClosedLabel>,
    pub fixed: Vec<FixedLine>,
    pub renamed: Vec<FixedName>,
}

/// An entry of the table, as it is to be written.
pub type ClosingEntry = (Vec<u8>, Vec<u8>);

impl Closed {
    /// What is written before the closing itself.
    pub fn entries(&self, organization: &str, month: u32) -> Vec<ClosingEntry> {
        let mut entries = entries(organization, month, Owners, 0, &self.owners, PART_NAMES);
        entries.extend(self::entries(organization, month, Lines, 0, &self.lines, PART_LINES));
        entries.extend(self::entries(organization, month, Labels, 0, &self.labels, PART_NAMES));
        entries.extend(self::entries(organization, month, Fixed, 0, &self.fixed, PART_NAMES));
        entries.extend(self::entries(organization, month, Renamed, 0, &self.renamed, PART_NAMES));
        entries
    }

    /// The sums of all lines.
    pub fn totals(&self) -> Result<ClosedSums, Overflow> {
        totals(&self.lines)
    }
}

fn totals(lines: &[ClosedLine]) -> Result<ClosedSums, Overflow> {
    let mut sums = ClosedSums::default();
    lines.iter().try_for_each(|line| add(&mut sums, &closed_sums(&line.measures())))?;
    Ok(sums)
}

/// The measures that statements show.
pub fn closed_sums(measures: &Measures) -> ClosedSums {
    [measures.get(Count::Requests).into(), measures.get(Count::TotalTokens).into(), measures.cost.0]
}

fn add(sums: &mut ClosedSums, other: &ClosedSums) -> Result<(), Overflow> {
    for (sum, other) in sums.iter_mut().zip(other) {
        *sum = sum.checked_add(*other).ok_or(Overflow)?;
    }
    Ok(())
}

fn key(organization: &str, month: u32, kind: Kind, part: u32) -> Vec<u8> {
    let mut key = organization.as_bytes().to_vec();
    key.push(0);
    key.extend(month.to_be_bytes());
    key.push(kind as u8);
    key.extend(part.to_be_bytes());
    key
}

/// Organization, month, kind and part.
fn parse(key: &[u8]) -> Result<(&str, u32, Kind, u32), StoreError> {
    let wrong = || damaged("it is no key of a closing");
    let (organization, tail) =
        key.split_at_checked(key.len().wrapping_sub(TAIL_OF_KEY)).filter(|(of, _)| !of.is_empty()).ok_or_else(wrong)?;
    let organization = std::str::from_utf8(organization).map_err(|_| wrong())?;
    let kind = KINDS.into_iter().find(|kind| *kind as u8 == tail[5]).filter(|_| tail[0] == 0).ok_or_else(wrong)?;
    let number = |at| keys::read_u32(tail, at).expect("four bytes");
    Ok((organization, number(1), kind, number(6)))
}

fn encode<T: Encode>(key: &[u8], record: &T) -> Vec<u8> {
    bind(key, frame(VERSION, &record::encode(record)))
}

fn decode<T: Decode<()>>(key: &[u8], value: &[u8]) -> Result<T, StoreError> {
    record::decode(body(VERSION, key, value)?)
}

fn entries<T: Encode + Clone>(
    organization: &str,
    month: u32,
    kind: Kind,
    first: u32,
    lines: &[T],
    size: usize,
) -> Vec<ClosingEntry> {
    let entry = |(part, lines): (u32, &[T])| {
        let key = key(organization, month, kind, part);
        let value = encode(&key, &lines.to_vec());
        (key, value)
    };
    (first..).zip(lines.chunks(size)).map(entry).collect()
}

type Bytes = &'static [u8];

/// The closings of an organization, or of all, with the months that have anything.
fn closings(
    table: &impl ReadableTable<Bytes, Bytes>,
    organization: Option<&str>,
    mut visit: impl FnMut(&str, u32, Option<Closing>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut next = organization.map_or_else(Vec::new, |of| key(of, 0, Kind::Closing, 0));
    // From month to month: there are many lines between two.
    while let Some(entry) = table.range::<&[u8]>(&next[..]..)?.next() {
        let (key, value) = entry?;
        let (of, month, kind, _) = parse(key.value())?;
        if organization.is_some_and(|organization| organization != of) {
            break;
        }
        let closing = (kind == Kind::Closing).then(|| decode(key.value(), value.value())).transpose()?;
        visit(of, month, closing)?;
        next = self::key(of, month, Secret, u32::MAX);
        next.push(0);
    }
    Ok(())
}

fn closings_of(
    table: &impl ReadableTable<Bytes, Bytes>,
    organization: Option<&str>,
) -> Result<Vec<Closing>, StoreError> {
    let mut found = Vec::new();
    closings(table, organization, |_, _, closing| {
        found.extend(closing);
        Ok(())
    })?;
    Ok(found)
}

fn lines_of<T: Decode<()>>(
    table: &impl ReadableTable<Bytes, Bytes>,
    organization: &str,
    month: u32,
    kind: Kind,
) -> Result<Vec<T>, StoreError> {
    let [first, last] = [0, u32::MAX].map(|part| key(organization, month, kind, part));
    let mut lines: Vec<T> = Vec::new();
    for entry in table.range::<&[u8]>(&first[..]..=&last[..])? {
        let (key, value) = entry?;
        lines.extend(decode::<Vec<T>>(key.value(), value.value())?);
    }
    Ok(lines)
}

impl Reader {
    /// The closed months of an organization, or of all, in order.
    pub fn closings(&self, organization: Option<&str>) -> Result<Vec<Closing>, StoreError> {
        closings_of(&self.transaction.open_table(CLOSINGS)?, organization)
    }

    /// What a closing keeps.
    pub fn closed(&self, closing: &Closing) -> Result<Closed, StoreError> {
        let table = self.transaction.open_table(CLOSINGS)?;
        let (of, month) = (closing.organization_id.as_str(), closing.month);
        Ok(Closed {
            owners: lines_of(&table, of, month, Owners)?,
            lines: lines_of(&table, of, month, Lines)?,
            labels: lines_of(&table, of, month, Labels)?,
            fixed: lines_of(&table, of, month, Fixed)?,
            renamed: lines_of(&table, of, month, Renamed)?,
        })
    }

    /// What a closing fixed of earlier months.
    pub fn fixed(&self, closing: &Closing) -> Result<(Vec<FixedLine>, Vec<FixedName>), StoreError> {
        let table = self.transaction.open_table(CLOSINGS)?;
        let (of, month) = (closing.organization_id.as_str(), closing.month);
        Ok((lines_of(&table, of, month, Fixed)?, lines_of(&table, of, month, Renamed)?))
    }

    /// What repricing moved since a month was closed, and what retention removed of it.
    pub fn since_closed(&self, closing: &Closing) -> Result<(Vec<MovedLine>, Vec<RemovedLine>), StoreError> {
        let table = self.transaction.open_table(CLOSINGS)?;
        let (of, month) = (closing.organization_id.as_str(), closing.month);
        Ok((lines_of(&table, of, month, Moved)?, lines_of(&table, of, month, Removed)?))
    }

    /// What pseudonyms of an organization are made with, once there is any.
    pub fn pseudonym_secret(&self, organization: &str) -> Result<Option<[u8; 32]>, StoreError> {
        let key = key(organization, 0, Secret, 0);
        let value = self.transaction.open_table(CLOSINGS)?.get(&key[..])?;
        value.map(|value| decode(&key, value.value())).transpose()
    }

    /// The closings of a month that were taken back, in order.
    pub fn reopenings(&self, organization: &str, month: u32) -> Result<Vec<Reopening>, StoreError> {
        lines_of(&self.transaction.open_table(CLOSINGS)?, organization, month, Reopened)
    }

    /// Checks that the lines of each closing are of its days and owners and of known series, and add up to what it says.
    pub(super) fn check_closings(&self, dictionary: &Dictionary) -> Result<(), StoreError> {
        let table = self.transaction.open_table(CLOSINGS)?;
        for closing in closings_of(&table, None)? {
            let closed = self.closed(&closing)?;
            let series = dictionary.organization(&closing.organization_id).map_or(0, |(_, names)| names.series().len());
            let (days, owners) = (closing.days.len() - 1, closed.owners.len());
            let is_its = |line: &ClosedLine| {
                usize::from(line.day) < days && (line.series as usize) < series && (line.owners as usize) < owners
            };
            let what = |wrong: &str| {
                damaged(format!("closing {} of organization '{}': {wrong}", closing.id, closing.organization_id))
            };
            if !closed.lines.iter().all(is_its) || !closed.fixed.iter().all(|line| (line.series as usize) < series) {
                return Err(what("a line of a day, an owner or a series that there is not"));
            }
            if closed.totals()? != closing.totals {
                return Err(what("its lines do not add up to its totals"));
            }
        }
        Ok(())
    }
}

/// Checks one entry of the table.
pub(super) fn check(key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let (organization, month, kind, part) = parse(key)?;
    match kind {
        Kind::Closing => {
            let closing: Closing = decode(key, value)?;
            let is_its = (closing.organization_id.as_str(), closing.month, 0) == (organization, month, part);
            let in_order = closing.days.len() > 1 && closing.days.len() <= 32 && closing.days.is_sorted();
            if is_its && in_order { Ok(()) } else { Err(damaged("a closing of another month")) }
        }
        Owners => decode::<Vec<ClosedOwners>>(key, value).map(drop),
        Lines => decode::<Vec<ClosedLine>>(key, value).map(drop),
        Labels => decode::<Vec<ClosedLabel>>(key, value).map(drop),
        Fixed => decode::<Vec<FixedLine>>(key, value).map(drop),
        Renamed => decode::<Vec<FixedName>>(key, value).map(drop),
        Moved => decode::<Vec<MovedLine>>(key, value).map(drop),
        Removed => decode::<Vec<RemovedLine>>(key, value).map(drop),
        Reopened => decode::<Vec<Reopening>>(key, value).map(drop),
        Secret => decode::<[u8; 32]>(key, value).map(drop),
    }
}

impl Writer {
    /// The closed months of an organization, in order.
    pub fn closings(&self, organization: &str) -> Result<Vec<Closing>, StoreError> {
        closings_of(&self.transaction.open_table(CLOSINGS)?, Some(organization))
    }

    /// Removes what is left of closings of an organization that were cut short.
    pub fn begin_closing(&self, organization: &str) -> Result<(), StoreError> {
        let mut left = Vec::new();
        closings(&self.transaction.open_table(CLOSINGS)?, Some(organization), |_, month, closing| {
            left.extend(closing.is_none().then_some(month));
            Ok(())
        })?;
        left.into_iter().try_for_each(|month| self.remove_month(organization, month))
    }

    fn remove_month(&self, organization: &str, month: u32) -> Result<(), StoreError> {
        let [first, end] = [Kind::Closing, Reopened].map(|kind| key(organization, month, kind, 0));
        self.remove(CLOSINGS, &first, &end)
    }

    /// Takes some of what a closing keeps.
    pub fn put_closed(&self, entries: &[ClosingEntry]) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(CLOSINGS)?;
        for (key, value) in entries {
            self.touch_record(CLOSINGS, key);
            table.insert(&key[..], &value[..])?;
        }
        Ok(())
    }

    /// Closes a month of which all is there.
    pub fn put_closing(&self, closing: &Closing) -> Result<(), StoreError> {
        let key = key(&closing.organization_id, closing.month, Kind::Closing, 0);
        let value = encode(&key, closing);
        self.put_closed(&[(key, value)])
    }

    /// Opens a month again, and keeps that it was closed.
    pub fn reopen(&self, reopening: &Reopening) -> Result<(), StoreError> {
        let Closing { organization_id, month, .. } = &reopening.closing;
        self.remove_month(organization_id, *month)?;
        self.append(organization_id, *month, Reopened, std::slice::from_ref(reopening))
    }

    /// Keeps what pseudonyms of an organization are made with, unless there is something already.
    pub fn put_pseudonym_secret(&self, organization: &str, secret: &[u8; 32]) -> Result<(), StoreError> {
        let key = key(organization, 0, Secret, 0);
        let mut table = self.transaction.open_table(CLOSINGS)?;
        if table.get(&key[..])?.is_none() {
            self.touch_record(CLOSINGS, &key);
            table.insert(&key[..], &encode(&key, secret)[..])?;
        }
        Ok(())
    }

    /// Adds to what repricing moved of closed months.
    pub fn keep_moved(&self, organization: &str, month: u32, lines: &[MovedLine]) -> Result<(), StoreError> {
        self.append(organization, month, Moved, lines)
    }

    fn append<T: Encode + Clone>(
        &self,
        organization: &str,
        month: u32,
        kind: Kind,
        lines: &[T],
    ) -> Result<(), StoreError> {
        let last = {
            let table = self.transaction.open_table(CLOSINGS)?;
            let [first, last] = [0, u32::MAX].map(|part| key(organization, month, kind, part));
            let mut parts = table.range::<&[u8]>(&first[..]..=&last[..])?;
            parts.next_back().transpose()?.map(|(key, _)| parse(key.value()).map(|(.., part)| part)).transpose()?
        };
        self.put_closed(&entries(organization, month, kind, last.map_or(0, |part| part + 1), lines, PART_LINES))
    }

    /// Keeps what is about to be removed of closed months: all before a segment.
    pub(super) fn keep_removed(
        &self,
        name: &str,
        organization: OrganizationId,
        before: Segment,
    ) -> Result<(), StoreError> {
        for closing in self.closings(name)? {
            let (Some(start), Some(end)) = (closing.days.first(), closing.days.last()) else { continue };
            let of = |at: UnixMs| Segment::of(at).ok_or_else(|| damaged("the days of a closing"));
            let (start, end) = (of(*start)?, of(*end)?.min(before));
            if start >= end {
                continue;
            }
            let removed = self.sums_between(organization, start, end, &closing)?;
            let lines: Vec<RemovedLine> =
                removed.into_iter().map(|((day, series), sums)| (day, series, sums)).collect();
            self.append(name, closing.month, Removed, &lines)?;
        }
        Ok(())
    }

    /// What each series has on the days of a closing, as far as they lie between two segments.
    fn sums_between(
        &self,
        organization: OrganizationId,
        start: Segment,
        end: Segment,
        closing: &Closing,
    ) -> Result<BTreeMap<(u8, u32), ClosedSums>, StoreError> {
        let mut found: BTreeMap<(u8, u32), ClosedSums> = BTreeMap::new();
        let mut take = |segment: Segment, series: u32, measures: &Measures| -> Result<(), StoreError> {
            match closing.day_of(segment).filter(|_| segment < end) {
                Some(day) => Ok(add(found.entry((day, series)).or_default(), &closed_sums(measures))?),
                None => Ok(()),
            }
        };
        let [first, last] = [start, end].map(|segment| keys::open(organization, segment, 0));
        for entry in self.transaction.open_table(OPEN)?.range::<&[u8]>(&first[..]..&last[..])? {
            let (key, value) = entry?;
            let segment = keys::open_segment(key.value()).ok_or_else(|| damaged("a key of open rollups"))?;
            for (series, measures) in Block::parse(key.value(), value.value())?.rows() {
                take(segment, series.0, &measures)?;
            }
        }
        let [first, last] = [start.period(), Segment(end.0 - 1).period().next()];
        let [first, last] = [first, last].map(|period| keys::rows(organization, period, ValueId(0), 0));
        for entry in self.transaction.open_table(ROWS)?.range::<&[u8]>(&first[..]..&last[..])? {
            let (key, value) = entry?;
            let period = keys::read_u32(key.value(), 4).map(Period).ok_or_else(|| damaged("a key of sealed rows"))?;
            rows::read(key.value(), value.value(), |rows| {
                for (segment, usage) in rows.unpack()? {
                    take(Segment(period.first_segment().0 + u32::from(segment)), rows.id, &usage.all)?;
                }
                Ok(())
            })?;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::super::Store;
    use super::*;

    fn closing(organization: &str, month: u32) -> Closing {
        Closing {
            id: format!("{organization}-{month}"),
            organization_id: organization.to_owned(),
            month,
            timezone: "UTC".to_owned(),
            days: vec![0, 86_400_000],
            at: 1,
            actor: "t".to_owned(),
            user_id: None,
            totals: [0; 3],
        }
    }

    fn closed(lines: u32) -> Closed {
        let mut measures = Measures::ZERO;
        measures.cost = PicoUsd(7);
        Closed {
            owners: vec![[None, Some("team".into()), None]],
            lines: (0..lines).map(|series| ClosedLine::new(0, series, 0, &measures)).collect(),
            ..Closed::default()
        }
    }

    fn write(store: &Store, write: impl FnOnce(&Writer) -> Result<(), StoreError>) {
        let writer = store.begin().unwrap();
        write(&writer).unwrap();
        writer.commit().unwrap();
    }

    fn months(store: &Store, organization: Option<&str>) -> Vec<String> {
        store.reader().unwrap().closings(organization).unwrap().into_iter().map(|closing| closing.id).collect()
    }

    #[test]
    fn a_month_is_closed_once_its_closing_is_there_and_what_is_left_of_others_goes() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        let closed = closed(PART_LINES as u32 + 1);
        for (organization, month) in [("acme", 3), ("acme", 4), ("acme2", 3)] {
            write(&store, |writer| writer.put_closed(&closed.entries(organization, month)));
        }
        write(&store, |writer| writer.put_closing(&closing("acme", 4)));
        write(&store, |writer| writer.put_closing(&closing("acme2", 3)));
        assert_eq!(months(&store, None), ["acme-4", "acme2-3"]);
        assert_eq!(months(&store, Some("acme")), ["acme-4"]);
        write(&store, |writer| writer.begin_closing("acme"));
        let reader = store.reader().unwrap();
        assert_eq!(reader.closed(&closing("acme", 3)).unwrap(), Closed::default());
        for kept in [closing("acme", 4), closing("acme2", 3)] {
            assert_eq!(reader.closed(&kept).unwrap(), closed);
        }
    }

    #[test]
    fn a_month_that_is_opened_again_is_known_to_have_been_closed() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        for at in [5, 6] {
            write(&store, |writer| writer.put_closed(&closed(2).entries("acme", 3)));
            write(&store, |writer| writer.put_closing(&closing("acme", 3)));
            write(&store, |writer| writer.keep_moved("acme", 3, &[(0, 1, 2)]));
            let reopening = Reopening { closing: closing("acme", 3), at, actor: "t".into(), user_id: None };
            write(&store, |writer| writer.reopen(&reopening));
        }
        write(&store, |writer| writer.begin_closing("acme"));
        assert!(months(&store, None).is_empty());
        let reader = store.reader().unwrap();
        assert_eq!(reader.closed(&closing("acme", 3)).unwrap(), Closed::default());
        assert_eq!(reader.since_closed(&closing("acme", 3)).unwrap(), (vec![], vec![]));
        let reopened = reader.reopenings("acme", 3).unwrap();
        assert_eq!(reopened.iter().map(|one| one.at).collect::<Vec<_>>(), [5, 6]);
    }

    #[test]
    fn what_repricing_moves_is_kept_in_order() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        write(&store, |writer| writer.keep_moved("acme", 3, &[(0, 1, 2), (1, 1, -4)]));
        write(&store, |writer| writer.keep_moved("acme", 3, &[(0, 1, 3)]));
        let (moved, _) = store.reader().unwrap().since_closed(&closing("acme", 3)).unwrap();
        assert_eq!(moved, [(0, 1, 2), (1, 1, -4), (0, 1, 3)]);
    }

    #[test]
    fn entries_that_are_not_what_was_written_are_damage() {
        let whole = key("acme", 3, Kind::Closing, 0);
        let value = encode(&whole, &closing("acme", 3));
        assert!(check(&whole, &value).is_ok());
        for byte in 0..value.len() {
            let mut changed = value.clone();
            changed[byte] ^= 1;
            assert!(check(&whole, &changed).is_err(), "byte {byte}");
        }
        for other in [key("acme", 4, Kind::Closing, 0), key("acne", 3, Kind::Closing, 0), key("acme", 3, Lines, 0)] {
            assert!(check(&other, &encode(&other, &closing("acme", 3))).is_err());
        }
        assert!(check(b"\0\0\0\0\x03\x01\0\0\0\0", &value).is_err());
    }
}
