//! Ids that arrived more than 48 hours ago, kept with the hours of their events.
//!
//! Of an id its first 64 bits are kept, in some 7 bytes where a thousand are of one hour and in less where more are
//! ([`super::sorted`]). A new id is compared with those of its own hour alone: to be taken for one of *n* it has a chance
//! of *n* / 2⁶⁴, which is 5 × 10⁻¹¹ even of a thousand million in one hour.
//!
//! An hour may have a hundred ids or ten million, and each is found by reading one or two values. Those of a layer follow
//! each other, in order of ids, and the key of each has its first id. Most ids are in one layer, whose values are full.
//! Those that come after the others are few, and spread all over it: they are collected in a second layer, which has few
//! values, until they are enough that rewriting the values of the first that lie between them is worth it.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use redb::{AccessGuard, ReadableTable};

use super::packed::bind;
use super::runs::Seen;
use super::{Bytes, IDS, Reader, StoreError, Writer, damaged, keys, sorted};
use crate::model::{Fingerprint, Hour, OrganizationId};

/// Values end just below two pages of the store, so that an hour of a thousand ids takes no more.
const VALUE_BYTES: usize = 8 * 1024 - 64;
/// How many bytes are written anew at most, for each that an id takes, so that all is in order.
const WORTH: usize = 8;
/// What an id takes at most.
const ID_BYTES: usize = 8;
/// Most ids of an hour.
const MOST: u8 = 0;
/// Those that came after them.
const LATER: u8 = 1;

/// What is kept of an id with its hour.
pub(super) fn short(id: &Fingerprint) -> u64 {
    u64::from_be_bytes(id.0[..8].try_into().expect("eight of twelve bytes"))
}

/// The ids that are kept with their hours.
pub struct AgedIds<'w>(redb::Table<'w, Bytes, Bytes>);

impl AgedIds<'_> {
    /// Whether an id is kept with this hour.
    pub fn has(&self, (organization, hour, id): Seen) -> Result<bool, StoreError> {
        let id = short(&id);
        for layer in [MOST, LATER] {
            let [first, last] = [0, id].map(|id| keys::ids(organization, hour, layer, id));
            if let Some(entry) = self.0.range::<&[u8]>(&first[..]..=&last[..])?.next_back() {
                let (key, value) = entry?;
                if sorted::has(key.value(), value.value(), id)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

impl Writer {
    /// Opens what ids are looked for in. Once for many: it takes as long as finding one.
    pub fn aged_ids(&self) -> Result<AgedIds<'_>, StoreError> {
        Ok(AgedIds(self.transaction.open_table(IDS)?))
    }

    /// Adds sorted ids to those of their hours.
    pub(super) fn keep_with_hours(&self, sorted: &[Seen]) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(IDS)?;
        for group in sorted.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let ids: Vec<u64> = group.iter().map(|(_, _, id)| short(id)).collect();
            OfHour { table: &mut table, organization: group[0].0, hour: group[0].1 }.keep(&ids)?;
        }
        Ok(())
    }
}

/// The ids of an hour, for adding to them.
struct OfHour<'t, 'w> {
    table: &'t mut redb::Table<'w, Bytes, Bytes>,
    organization: OrganizationId,
    hour: Hour,
}

impl OfHour<'_, '_> {
    fn keep(&mut self, ids: &[u64]) -> Result<(), StoreError> {
        if self.is_worth_it(ids)? {
            return self.put_with_most(ids.to_vec());
        }
        let mut left = ids;
        while let Some(first) = left.first() {
            let at = self.value_of(LATER, *first)?;
            let next = match at.and_then(|at| at.checked_add(1)) {
                Some(after) => first_id(self.range(LATER, after..=u64::MAX)?.next())?,
                None => None,
            };
            let (now, later) = left.split_at(left.partition_point(|id| next.is_none_or(|next| *id < next)));
            left = later;
            let ids = match at {
                Some(at) => self.take(LATER, at..=at, now.to_vec())?,
                None => now.to_vec(),
            };
            let values = sorted::write(&ids, VALUE_BYTES).count();
            if values > 1 && self.is_worth_it(&ids)? {
                self.put_with_most(ids)?;
            } else {
                // Of several each has room for more.
                for part in ids.chunks(ids.len().div_ceil(values)) {
                    self.put(LATER, sorted::write(part, VALUE_BYTES))?;
                }
            }
        }
        Ok(())
    }

    /// Whether the values that these ids lie between are few beside them, or there is room for all in one.
    fn is_worth_it(&self, ids: &[u64]) -> Result<bool, StoreError> {
        let new = ids.len() * ID_BYTES;
        let (mut values, mut bytes) = (0, 0);
        for entry in self.range(MOST, self.between(ids)?)? {
            values += 1;
            bytes += entry?.1.value().len();
            if bytes > WORTH * new && (values > 1 || bytes + new > VALUE_BYTES) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Where the values begin that these ids lie between.
    fn between(&self, ids: &[u64]) -> Result<RangeInclusive<u64>, StoreError> {
        let [first, last] = [ids[0], ids[ids.len() - 1]];
        let begin = self.value_of(MOST, first)?.unwrap_or(first);
        Ok(begin.min(first)..=begin.max(last))
    }

    fn put_with_most(&mut self, ids: Vec<u64>) -> Result<(), StoreError> {
        let between = self.between(&ids)?;
        let ids = self.take(MOST, between, ids)?;
        self.put(MOST, sorted::write(&ids, VALUE_BYTES))
    }

    /// Takes the values that begin within bounds out; all of their ids and these.
    fn take(&mut self, layer: u8, firsts: RangeInclusive<u64>, mut ids: Vec<u64>) -> Result<Vec<u64>, StoreError> {
        let mut taken = Vec::new();
        for entry in self.range(layer, firsts)? {
            let (key, value) = entry?;
            sorted::read(key.value(), value.value(), &mut ids)?;
            taken.push(key.value().to_vec());
        }
        for key in taken {
            self.table.remove(&key[..])?;
        }
        // Stable only because that sort makes use of what is in order already.
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    fn put(&mut self, layer: u8, values: impl Iterator<Item = (u64, Vec<u8>)>) -> Result<(), StoreError> {
        put(self.table, &keys::ids(self.organization, self.hour, layer, 0), values)
    }

    fn range(&self, layer: u8, firsts: RangeInclusive<u64>) -> Result<redb::Range<'_, Bytes, Bytes>, StoreError> {
        let [first, last] =
            [*firsts.start(), *firsts.end()].map(|first| keys::ids(self.organization, self.hour, layer, first));
        Ok(self.table.range::<&[u8]>(&first[..]..=&last[..])?)
    }

    /// The first id of the value that an id would be in. The first of a layer takes what is before it, too.
    fn value_of(&self, layer: u8, id: u64) -> Result<Option<u64>, StoreError> {
        match first_id(self.range(layer, 0..=id)?.next_back())? {
            None => first_id(self.range(layer, id..=u64::MAX)?.next()),
            first => Ok(first),
        }
    }
}

type Entry<'t> = Result<(AccessGuard<'t, Bytes>, AccessGuard<'t, Bytes>), redb::StorageError>;

fn first_id(entry: Option<Entry<'_>>) -> Result<Option<u64>, StoreError> {
    entry.map(|entry| first_of(entry?.0.value())).transpose()
}

fn first_of(key: &[u8]) -> Result<u64, StoreError> {
    key.last_chunk().map(|first| u64::from_be_bytes(*first)).ok_or_else(|| damaged("a key of ids"))
}

/// Writes values of the layer that a key is of.
fn put(
    table: &mut redb::Table<'_, Bytes, Bytes>,
    layer: &[u8],
    values: impl Iterator<Item = (u64, Vec<u8>)>,
) -> Result<(), StoreError> {
    for (first, value) in values {
        let key = [&layer[..9], &first.to_be_bytes()].concat();
        table.insert(&key[..], &bind(&key, value)[..])?;
    }
    Ok(())
}

/// Writes the ids of the first hour from a key on as they are written now; before version 9 they were kept whole. Gives
/// the key to go on from, if there is more.
pub(super) fn shorten(
    table: &mut redb::Table<'_, Bytes, Bytes>,
    from: &[u8],
    bytes: &mut usize,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(first) = table.range::<&[u8]>(from..)?.next().transpose()?.map(|(key, _)| key.value().to_vec()) else {
        return Ok(None);
    };
    let hour = first.get(..8).ok_or_else(|| damaged("a key of ids"))?;
    let end = [hour, &[u8::MAX; 5]].concat();
    let mut ids = Vec::new();
    for entry in table.range::<&[u8]>(hour..&end[..])? {
        let (_, value) = entry?;
        *bytes += value.value().len();
        let (whole, []) = value.value().as_chunks() else { return Err(damaged("a list of ids")) };
        ids.extend(whole.iter().map(|id| short(&Fingerprint(*id))));
    }
    ids.sort_unstable();
    ids.dedup();
    table.retain_in::<&[u8], _>(hour..&end[..], |_, _| false)?;
    put(table, &[hour, &[MOST]].concat(), sorted::write(&ids, VALUE_BYTES))?;
    Ok(Some(end))
}

/// A check of all values, in order of keys.
#[derive(Default)]
pub(super) struct Check {
    key: Vec<u8>,
    ids: Vec<u64>,
    layer: u8,
}

impl Check {
    /// Checks a value, and gives its ids.
    pub fn value(&mut self, key: &[u8], value: &[u8]) -> Result<&[u64], StoreError> {
        let (hour, layer) = (&key[..8], key[8]);
        if self.key != hour {
            self.finish()?;
            self.key = hour.to_vec();
            self.layer = MOST;
        }
        let before = self.ids.len();
        sorted::read(key, value, &mut self.ids)?;
        let in_order = if self.layer == layer { before.saturating_sub(1) } else { before };
        self.layer = layer;
        if layer > LATER || self.ids[before] != first_of(key)? || !self.ids[in_order..].is_sorted_by(|a, b| a < b) {
            return Err(damaged("ids of an hour are not in order"));
        }
        Ok(&self.ids[before..])
    }

    pub fn finish(&mut self) -> Result<(), StoreError> {
        self.ids.sort();
        let twice = self.ids.windows(2).any(|pair| pair[0] == pair[1]);
        self.ids.clear();
        let [organization, hour] = [0, 4].map(|at| keys::read_u32(&self.key, at).unwrap_or_default());
        if twice {
            return Err(damaged(format!("organization {organization}, hour {hour}: an id is there twice")));
        }
        Ok(())
    }
}

impl Reader {
    /// Whether ids are kept with an hour.
    pub(super) fn has_aged_ids(&self, organization: OrganizationId, hour: Hour) -> Result<bool, StoreError> {
        let table = self.transaction.open_table(IDS)?;
        let first = keys::ids(organization, hour, MOST, 0);
        let last = keys::ids(organization, hour, LATER, u64::MAX);
        Ok(table.range::<&[u8]>(&first[..]..=&last[..])?.next().is_some())
    }

    /// The hours that ids are kept with, from one on.
    pub(super) fn hours_with_aged_ids(&self, from: Hour) -> Result<HashSet<(OrganizationId, Hour)>, StoreError> {
        let table = self.transaction.open_table(IDS)?;
        let number = |key: &[u8], at| keys::read_u32(key, at).ok_or_else(|| damaged("a key of ids"));
        let (mut hours, mut next) = (HashSet::new(), Vec::new());
        while let Some(entry) = table.range::<&[u8]>(&next[..]..)?.next() {
            let (key, _) = entry?;
            let (organization, hour) = (OrganizationId(number(key.value(), 0)?), Hour(number(key.value(), 4)?));
            if hour >= from {
                hours.insert((organization, hour));
            }
            let passed = hour.max(Hour(from.0.saturating_sub(1)));
            next = [&keys::ids(organization, passed, u8::MAX, u64::MAX)[..], &[0]].concat();
        }
        Ok(hours)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use redb::backends::InMemoryBackend;

    use super::super::Store;
    use super::*;

    const HOUR: Hour = Hour(494_748);

    fn id(number: u64) -> Fingerprint {
        Fingerprint::of(&number.to_string())
    }

    /// Adds ids to an hour a batch at a time, and compares what is there with them.
    fn check(batches: impl Iterator<Item = Vec<Fingerprint>>) {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        let mut kept = BTreeSet::new();
        for batch in batches {
            let writer = store.begin().unwrap();
            let mut of_hours: Vec<Seen> = Vec::new();
            for id in batch.into_iter().filter(|id| kept.insert(*id)) {
                // Its neighbours have some, too.
                let beside = [HOUR.0 - 1, HOUR.0 + 1].into_iter().filter(|_| id.0[11] == 0);
                of_hours.extend(beside.chain([HOUR.0]).map(|hour| (OrganizationId(2), Hour(hour), id)));
            }
            of_hours.sort_unstable();
            writer.keep_with_hours(&of_hours).unwrap();
            writer.commit().unwrap();
        }
        let writer = store.begin().unwrap();
        let aged = writer.aged_ids().unwrap();
        for number in kept.iter().map(|id| (OrganizationId(2), HOUR, *id)) {
            assert!(aged.has(number).unwrap());
            assert!(!aged.has((OrganizationId(1), HOUR, number.2)).unwrap());
        }
        assert!((0..1000).all(|number| !aged.has((OrganizationId(2), HOUR, id(u64::MAX - number))).unwrap()));
        drop(aged);
        let table = writer.transaction.open_table(IDS).unwrap();
        let (mut check, mut found, mut values, mut bytes) = (Check::default(), BTreeSet::new(), 0, 0);
        for entry in table.iter().unwrap() {
            let (key, value) = entry.unwrap();
            let ids = check.value(key.value(), value.value()).unwrap().to_vec();
            if keys::read_u32(key.value(), 4) == Some(HOUR.0) {
                found.extend(ids);
                (values, bytes) = (values + 1, bytes + value.value().len());
            }
        }
        check.finish().unwrap();
        assert_eq!(found, kept.iter().map(short).collect());
        let ids: Vec<u64> = found.into_iter().collect();
        let full: Vec<usize> = sorted::write(&ids, VALUE_BYTES).map(|(_, value)| value.len()).collect();
        let least: usize = full.iter().sum();
        assert!(bytes <= least + least / 16 + 100, "{bytes} bytes, {least} are enough");
        assert!(values <= full.len() * 4 / 3 + 2, "{values} values, {} are enough", full.len());
    }

    #[test]
    fn ids_are_found_however_they_came() {
        // One at a time; in batches of some; many, and then a few again and again.
        check((0..2500).map(|number| vec![id(number)]));
        check((0..50).map(|batch| (batch * 300..batch * 300 + 300).map(id).collect()));
        let few = (0..1500).map(|number| vec![id(100_000 + number)]);
        check(std::iter::once((0..60_000).map(id).collect()).chain(few));
        // As runs are moved: in order of ids, a second run after the first.
        let mut ids: Vec<Fingerprint> = (0..90_000).map(id).collect();
        ids[..60_000].sort_unstable();
        ids[60_000..].sort_unstable();
        check(ids.chunks(7_000).map(<[Fingerprint]>::to_vec));
        // Each below all others.
        ids.sort_unstable();
        check(ids[..3000].chunks(3).rev().map(<[Fingerprint]>::to_vec));
    }
}
