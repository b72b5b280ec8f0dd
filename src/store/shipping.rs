//! What a cluster beside the store does not have yet.
//!
//! A transaction that changes sums or records notes what it touched, never what became of it: whoever ships reads the
//! state of that when it comes to it, so what changes often is shipped once. Nothing is noted in a store that does not
//! ship.
//!
//! ```text
//! meta "shipping": node 16 bytes | epoch u64 | commit u64 | shipped u64           in a frame
//!
//! unshipped key | what u8 | …      value: the last commit that touched it, u64
//!   a | table u8                              all records of a table, and those that are no more
//!   g | org u32 | first u32 | end u32         segments of which rows may be gone
//!   r | org u32 | segment u32 | series u32    a row that may be gone
//!   t | table u8 | key                        a record
//!   u | org u32 | segment u32                 a segment
//! ```

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};

use redb::{ReadableTable, TableHandle};

use super::packed::{bind, body, frame};
use super::{
    AUDIT, CLOSINGS, DECISIONS, DIRECTORY, INTAKE, INTERVENTIONS, INVOICES, META, NAMES, REPRICINGS, Reader, SERIES,
    StoreError, TIMING, Table, UNSHIPPED, Writer, damaged, keys,
};
use crate::model::{Measures, OrganizationId, SEGMENTS, Segment, SeriesId, ValueId};

const KEY: &[u8] = b"shipping";
const VERSION: u8 = 1;
const NODE: usize = 16;

/// Tables whose entries are shipped as they are. A table's number is its place here.
const RECORD_TABLES: [Table; 11] =
    [NAMES, SERIES, DIRECTORY, AUDIT, INVOICES, REPRICINGS, INTAKE, TIMING, CLOSINGS, DECISIONS, INTERVENTIONS];

/// How far a store is with shipping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipping {
    /// What the store is called in clusters: random, and in every copy of it.
    pub node: [u8; NODE],
    /// Raised whenever what was shipped before may be of another course of events.
    pub epoch: u64,
    /// The last commit that touched what is shipped.
    pub commit: u64,
    /// A commit up to which all is shipped.
    pub shipped: u64,
}

impl Shipping {
    fn decode(value: &[u8]) -> Result<Shipping, StoreError> {
        let bytes = body(VERSION, KEY, value)?;
        let number = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
        let node = bytes.get(..NODE).and_then(|node| node.try_into().ok());
        match (node, number(NODE), number(NODE + 8), number(NODE + 16), bytes.len()) {
            (Some(node), Some(epoch), Some(commit), Some(shipped), 40) => Ok(Shipping { node, epoch, commit, shipped }),
            _ => Err(damaged("how far shipping is")),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let numbers = [self.epoch, self.commit, self.shipped].map(u64::to_be_bytes);
        bind(KEY, frame(VERSION, &[&self.node[..], &numbers.concat()].concat()))
    }
}

/// Something that was touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unshipped {
    /// All records of a table.
    Table(RecordTable),
    /// Segments of which rows may be gone.
    Range(OrganizationId, Range<u32>),
    /// A row that may be gone.
    Row(OrganizationId, Segment, SeriesId),
    Record(RecordTable, Vec<u8>),
    Segment(OrganizationId, Segment),
}

/// A table whose entries are shipped as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordTable(u8);

impl RecordTable {
    pub fn name(self) -> &'static str {
        RECORD_TABLES[usize::from(self.0)].name()
    }

    pub fn all() -> impl Iterator<Item = RecordTable> {
        (0..RECORD_TABLES.len() as u8).map(RecordTable)
    }

    pub fn named(name: &str) -> Option<RecordTable> {
        RecordTable::all().find(|table| table.name() == name)
    }

    /// Whether it says which organizations there are.
    pub fn has_organizations(self) -> bool {
        self.name() == NAMES.name()
    }

    fn of(table: Table) -> Option<RecordTable> {
        let place = RECORD_TABLES.iter().position(|known| known.name() == table.name());
        place.map(|place| RecordTable(place as u8))
    }

    /// The organization that a record is of: by name, by number, or none that it is of alone.
    pub fn owner(self, key: &[u8]) -> Result<RecordOwner<'_>, StoreError> {
        let what = || damaged(format!("a key of {}", self.name()));
        let table = RECORD_TABLES[usize::from(self.0)].name();
        let named = |bytes| until_nul(bytes).map(RecordOwner::Named).ok_or_else(what);
        if [NAMES, SERIES, REPRICINGS].iter().any(|of| of.name() == table) {
            let number = keys::read_u32(key, 0).ok_or_else(what)?;
            Ok(RecordOwner::Numbered(OrganizationId(number)))
        } else if table == AUDIT.name() {
            Ok(RecordOwner::Named(""))
        } else if table == DIRECTORY.name() {
            named(key.get(1..).unwrap_or_default())
        } else {
            named(key)
        }
    }
}

fn until_nul(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    std::str::from_utf8(&bytes[..end]).ok()
}

/// Whose a record is. Number 0 and no name are nobody's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOwner<'a> {
    Named(&'a str),
    Numbered(OrganizationId),
}

impl Unshipped {
    fn key(&self) -> Vec<u8> {
        let numbers = |what: u8, numbers: &[u32]| {
            let mut key = vec![what];
            numbers.iter().for_each(|number| key.extend(number.to_be_bytes()));
            key
        };
        match self {
            Unshipped::Table(table) => vec![b'a', table.0],
            Unshipped::Range(of, range) => numbers(b'g', &[of.0, range.start, range.end]),
            Unshipped::Row(of, segment, series) => numbers(b'r', &[of.0, segment.0, series.0]),
            Unshipped::Record(table, key) => [&[b't', table.0], &key[..]].concat(),
            Unshipped::Segment(of, segment) => numbers(b'u', &[of.0, segment.0]),
        }
    }

    fn parse(key: &[u8]) -> Option<Unshipped> {
        let (what, rest) = key.split_first()?;
        let number = |at: usize| keys::read_u32(rest, 4 * at);
        let table = || rest.first().copied().filter(|table| usize::from(*table) < RECORD_TABLES.len()).map(RecordTable);
        Some(match (what, rest.len()) {
            (b'a', 1) => Unshipped::Table(table()?),
            (b'g', 12) => Unshipped::Range(OrganizationId(number(0)?), number(1)?..number(2)?),
            (b'r', 12) => Unshipped::Row(OrganizationId(number(0)?), Segment(number(1)?), SeriesId(number(2)?)),
            (b't', _) => Unshipped::Record(table()?, rest[1..].to_vec()),
            (b'u', 8) => Unshipped::Segment(OrganizationId(number(0)?), Segment(number(1)?)),
            _ => return None,
        })
    }
}

fn commit_of(value: &[u8]) -> Result<u64, StoreError> {
    let number = value.try_into().map(u64::from_be_bytes);
    number.map_err(|_| damaged("the commit of what is not shipped"))
}

/// Checks one entry of the table.
pub(super) fn check(key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    Unshipped::parse(key).ok_or_else(|| damaged("a key of what is not shipped"))?;
    commit_of(value).map(drop)
}

/// Checks an entry of `meta` if it is this one.
pub(super) fn check_meta(key: &[u8], value: &[u8]) -> Option<Result<(), StoreError>> {
    (key == KEY).then(|| Shipping::decode(value).map(drop))
}

/// What a transaction touched so far, where that is noted.
pub(super) struct Touched {
    shipping: Option<Shipping>,
    /// Keys of the table.
    keys: RefCell<BTreeSet<Vec<u8>>>,
}

impl Touched {
    pub fn new(transaction: &redb::WriteTransaction) -> Result<Touched, StoreError> {
        let table = transaction.open_table(META)?;
        let shipping = table.get(KEY)?.map(|value| Shipping::decode(value.value())).transpose()?;
        Ok(Touched { shipping, keys: RefCell::default() })
    }
}

/// What of segments a question about state gives.
pub type State = BTreeMap<(Segment, SeriesId), Measures>;

impl Reader {
    /// How far shipping is; `None` in a store that never shipped.
    pub fn shipping(&self) -> Result<Option<Shipping>, StoreError> {
        let value = self.transaction.open_table(META)?.get(KEY)?;
        value.map(|value| Shipping::decode(value.value())).transpose()
    }

    /// What is not shipped, after a place in order and at most so many, each with its place and the commit that touched
    /// it last.
    pub fn unshipped(&self, after: &[u8], most: usize) -> Result<Vec<(Vec<u8>, u64, Unshipped)>, StoreError> {
        let table = self.transaction.open_table(UNSHIPPED)?;
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let entries = table.range::<&[u8]>(range)?.take(most).map(|entry| {
            let (key, value) = entry?;
            let what = Unshipped::parse(key.value()).ok_or_else(|| damaged("a key of what is not shipped"))?;
            Ok((key.value().to_vec(), commit_of(value.value())?, what))
        });
        entries.collect()
    }

    /// A record that is shipped as it is.
    pub fn record_of(&self, table: RecordTable, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.transaction.open_table(RECORD_TABLES[usize::from(table.0)])?;
        Ok(table.get(key)?.map(|value| value.value().to_vec()))
    }

    /// Calls `visit` with the key and the bytes of each record of a table.
    pub fn records_of<E: From<StoreError>>(
        &self,
        table: RecordTable,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let table = self.transaction.open_table(RECORD_TABLES[usize::from(table.0)]).map_err(StoreError::from)?;
        for entry in table.iter().map_err(StoreError::from)? {
            let (key, value) = entry.map_err(StoreError::from)?;
            visit(key.value(), value.value())?;
        }
        Ok(())
    }

    /// All that an organization's series have in some segments.
    pub fn state(&self, organization: OrganizationId, segments: Range<Segment>) -> Result<State, StoreError> {
        let mut state = State::new();
        let mut add = |segment, series, measures: &Measures| {
            state.entry((segment, series)).or_insert(Measures::ZERO).add(measures)
        };
        self.scan_open(organization, segments.clone(), |segment, block| {
            block.rows().iter().try_for_each(|(series, measures)| Ok(add(segment, *series, measures)?))
        })?;
        if segments.is_empty() {
            return Ok(state);
        }
        let (first, last) = (segments.start.period(), Segment(segments.end.0 - 1).period());
        for (period, _) in self.periods(organization, first..last.next())? {
            let begin = period.first_segment().0;
            let place = |segment: Segment| segment.0.saturating_sub(begin) as usize;
            // Rows of an hour stand at its first segment: whole days have all of them.
            let days = place(segments.start) / SEGMENTS * SEGMENTS..place(segments.end).next_multiple_of(SEGMENTS);
            self.scan_rows(organization, period, ValueId(0)..=ValueId(u32::MAX), |rows| {
                if rows.within(super::Which::Hours, &days).is_empty() {
                    return Ok(());
                }
                for (at, usage) in rows.unpack()? {
                    let segment = Segment(begin + u32::from(at));
                    if segments.contains(&segment) {
                        add(segment, SeriesId(rows.id), &usage.all)?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(state)
    }

    /// How many rows an organization has in some segments; of a period that is sealed, in all of it.
    pub fn rows_about(&self, organization: OrganizationId, segments: Range<Segment>) -> Result<u64, StoreError> {
        let mut rows = 0;
        self.scan_open(organization, segments.clone(), |_, block| {
            rows += block.len() as u64;
            Ok(())
        })?;
        let periods = segments.start.period()..Segment(segments.end.0.saturating_sub(1)).period().next();
        Ok(rows + self.periods(organization, periods)?.iter().map(|(_, summary)| summary.rows).sum::<u64>())
    }
}

impl Writer {
    /// Notes that something was touched.
    pub(super) fn touch(&self, what: impl FnOnce() -> Unshipped) {
        if self.touched.shipping.is_some() {
            self.touched.keys.borrow_mut().insert(what().key());
        }
    }

    pub(super) fn touch_record(&self, table: Table, key: &[u8]) {
        self.touch(|| Unshipped::Record(RecordTable::of(table).expect("a table that is shipped"), key.to_vec()));
    }

    /// Notes all records of a range that is about to be removed.
    pub(super) fn touch_records(&self, table: Table, start: &[u8], end: &[u8]) -> Result<(), StoreError> {
        if self.touched.shipping.is_none() || RecordTable::of(table).is_none() {
            return Ok(());
        }
        for entry in self.transaction.open_table(table)?.range::<&[u8]>(start..end)? {
            self.touch_record(table, entry?.0.value());
        }
        Ok(())
    }

    /// Begins to note what is touched, or begins anew: nothing counts as shipped.
    pub fn ship_everything(&self, node: [u8; NODE], epoch: u64) -> Result<(), StoreError> {
        let mut meta = self.transaction.open_table(META)?;
        let known = meta.get(KEY)?.map(|value| Shipping::decode(value.value())).transpose()?;
        let commit = known.map_or(0, |known| known.commit) + 1;
        let shipping = Shipping { node: known.map_or(node, |known| known.node), epoch, commit, shipped: 0 };
        meta.insert(KEY, &shipping.encode()[..])?;
        let mut all: Vec<Unshipped> = RecordTable::all().map(Unshipped::Table).collect();
        let end = keys::name(OrganizationId(1), None, "");
        for entry in self.transaction.open_table(NAMES)?.range::<&[u8]>(..&end[..])? {
            let number = keys::read_u32(entry?.1.value(), 0).ok_or_else(|| damaged("the number of a name"))?;
            all.push(Unshipped::Range(OrganizationId(number), 0..u32::MAX));
        }
        let mut table = self.transaction.open_table(UNSHIPPED)?;
        // All is noted anew, so what was noted before is in that.
        table.retain(|_, _| false)?;
        all.iter().try_for_each(|what| Ok(table.insert(&what.key()[..], &commit.to_be_bytes()[..]).map(drop)?))
    }

    /// Has some segments of an organization shipped again.
    pub fn ship_again(&self, organization: OrganizationId, segments: Range<u32>) {
        self.touch(|| Unshipped::Range(organization, segments));
    }

    /// The same in a store that has become another than what it shipped. Nothing in one that never did.
    pub fn ship_anew(&self) -> Result<(), StoreError> {
        match self.touched.shipping {
            Some(Shipping { node, epoch, .. }) => self.ship_everything(node, epoch + 1),
            None => Ok(()),
        }
    }

    /// Takes note of what was shipped as it was at a commit, unless it was touched since; and up to which commit all is.
    pub fn shipped(&self, done: &[(Vec<u8>, u64)], up_to: u64) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(UNSHIPPED)?;
        for (key, at) in done {
            let touched = table.get(&key[..])?.map(|value| commit_of(value.value())).transpose()?;
            if touched.is_some_and(|touched| touched <= *at) {
                table.remove(&key[..])?;
            }
        }
        if let Some(shipping) = self.touched.shipping {
            let shipping = Shipping { shipped: up_to.min(shipping.commit).max(shipping.shipped), ..shipping };
            self.transaction.open_table(META)?.insert(KEY, &shipping.encode()[..])?;
        }
        Ok(())
    }

    /// Writes what was touched, as the last thing before a commit.
    pub(super) fn write_touched(&self) -> Result<(), StoreError> {
        let touched = self.touched.keys.borrow();
        if touched.is_empty() {
            return Ok(());
        }
        // Not what it was when the transaction began: it may have been written since.
        let mut meta = self.transaction.open_table(META)?;
        let shipping = meta.get(KEY)?.map(|value| Shipping::decode(value.value())).transpose()?;
        let Some(mut shipping) = shipping else { return Ok(()) };
        shipping.commit += 1;
        meta.insert(KEY, &shipping.encode()[..])?;
        let mut table = self.transaction.open_table(UNSHIPPED)?;
        for key in &*touched {
            table.insert(&key[..], &shipping.commit.to_be_bytes()[..])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::super::Store;
    use super::*;
    use crate::model::Count;

    const ACME: OrganizationId = OrganizationId(1);
    const AT: Segment = Segment(760_000);

    fn row(series: u32, requests: u64) -> (SeriesId, Measures) {
        let mut measures = Measures::ZERO;
        measures.counts[Count::Requests as usize] = requests;
        (SeriesId(series), measures)
    }

    fn write(store: &Store, change: impl FnOnce(&Writer)) {
        let writer = store.begin().unwrap();
        change(&writer);
        writer.commit().unwrap();
    }

    fn unshipped(store: &Store) -> Vec<(u64, Unshipped)> {
        let all = store.reader().unwrap().unshipped(&[], 1000).unwrap();
        all.into_iter().map(|(_, commit, what)| (commit, what)).collect()
    }

    #[test]
    fn what_is_touched_is_noted_once_shipping_has_begun_and_goes_when_it_is_shipped_as_it_is() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        write(&store, |writer| {
            writer.put_name(OrganizationId(0), None, "acme", 1).unwrap();
            writer.add_rows(ACME, AT, &[row(0, 1)]).unwrap();
        });
        assert!(unshipped(&store).is_empty() && store.reader().unwrap().shipping().unwrap().is_none());
        write(&store, |writer| writer.ship_everything([7; 16], 1).unwrap());
        let all = unshipped(&store);
        assert_eq!((all.len(), all[11].clone()), (12, (1, Unshipped::Range(ACME, 0..u32::MAX))));

        write(&store, |writer| writer.add_rows(ACME, AT, &[row(0, 2), row(1, 5)]).unwrap());
        let shipping = store.reader().unwrap().shipping().unwrap().unwrap();
        assert_eq!(shipping, Shipping { node: [7; 16], epoch: 1, commit: 2, shipped: 0 });
        assert_eq!(unshipped(&store)[12], (2, Unshipped::Segment(ACME, AT)));
        let done: Vec<(Vec<u8>, u64)> =
            store.reader().unwrap().unshipped(&[], 1000).unwrap().into_iter().map(|(key, ..)| (key, 1)).collect();
        write(&store, |writer| writer.shipped(&done, 1).unwrap());
        assert_eq!(unshipped(&store), [(2, Unshipped::Segment(ACME, AT))], "it was touched since");
        let shipping = store.reader().unwrap().shipping().unwrap().unwrap();
        assert_eq!((shipping.commit, shipping.shipped), (2, 1), "shipping is no change");

        write(&store, |writer| writer.forget("acme", ACME, Segment(AT.0).period().next()).map(drop).unwrap());
        let gone = Unshipped::Range(ACME, 0..AT.period().next().first_segment().0);
        assert!(unshipped(&store).contains(&(3, gone)));
        write(&store, |writer| writer.ship_anew().unwrap());
        let shipping = store.reader().unwrap().shipping().unwrap().unwrap();
        assert_eq!((shipping.epoch, shipping.commit, shipping.shipped, unshipped(&store).len()), (2, 4, 0, 12));
        assert!(store.reader().unwrap().verify(&mut |_, _| ()).is_ok());
    }

    #[test]
    fn the_state_of_segments_adds_up_open_and_sealed_rows() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        let series = crate::model::Series {
            project: ValueId(1),
            api_key: ValueId(1),
            model: ValueId(1),
            provider: ValueId(1),
            source: ValueId::NONE,
            mode: crate::model::Mode::Credits,
            cost_source: crate::model::CostSource::Reported,
        };
        let (mut log, day) = (super::super::Log::default(), AT.day());
        log.push(series);
        let first = day.first_segment();
        // Two parts of one hour, and the hour after.
        let segments = [2, 3, 4].map(|at| first.plus(at));
        write(&store, |writer| {
            segments.iter().for_each(|segment| writer.add_rows(ACME, *segment, &[row(0, 10)]).unwrap());
        });
        write(&store, |writer| {
            writer.seal(ACME, day.period(), day.next(), &log).unwrap();
        });
        write(&store, |writer| writer.add_rows(ACME, segments[1], &[row(0, 1)]).unwrap());
        let reader = store.reader().unwrap();
        let requests = |segments: Range<Segment>| -> Vec<(u32, u64)> {
            let state = reader.state(ACME, segments).unwrap();
            state.iter().map(|((at, _), of)| (at.0 - first.0, of.get(Count::Requests))).collect()
        };
        assert_eq!(requests(first..day.next().first_segment()), [(2, 10), (3, 11), (4, 10)]);
        assert_eq!(requests(segments[1]..segments[2]), [(3, 11)]);
        assert_eq!(requests(Segment(0)..Segment(u32::MAX)), [(2, 10), (3, 11), (4, 10)]);
        assert!(requests(first..first).is_empty());
    }
}
