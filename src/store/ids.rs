//! Which events were counted already.
//!
//! Ids are kept as 96-bit fingerprints, twice over their life. For 48 hours after arrival they are in memory, and
//! in `arrivals` in the order they came, one value per commit. Then they move to `ids`, sorted under the hour their
//! event belongs to, where they stay as long as that hour does: 12 bytes an id.
//!
//! An event may be up to 24 hours ahead of the clock, so ids that have aged belong to hours at least 24 hours old:
//! only late events ever look at the disk.

use std::collections::HashMap;

use hashbrown::HashTable;
use redb::{ReadOnlyTable, ReadableTable};

use super::{ARRIVALS, IDS, StoreError, Writer, damaged, keys};
use crate::model::{AHEAD_HOURS, Fingerprint, Hour, OrganizationId};

const RECENT_HOURS: u32 = 48;
pub(super) const FINGERPRINT: usize = 12;
/// Values end just below four pages of the store: larger ones waste what rounding up to a power of two adds.
const VALUE_BYTES: usize = 16 * 1024 - 64;
/// Arrivals moved in one transaction, so that ageing never holds up events for long.
const AGE_VALUES: usize = 256;
/// Parts of the table that a start fills one after the other. That of 20 million ids is then 2 MB, and in cache.
const PARTS: usize = 1 << PART_BITS;
const PART_BITS: u32 = 8;

/// One id's place: whose event it is and in which hour.
pub type Seen = (OrganizationId, Hour, Fingerprint);

/// Ids that have moved from `arrivals` to `ids`.
pub struct Aged {
    ids: Vec<Seen>,
    oldest_left: Option<Hour>,
}

/// The ids that arrived in the last 48 hours.
#[derive(Debug, Default)]
pub struct SeenIds {
    recent: HashMap<OrganizationId, HashTable<Fingerprint>>,
    /// The hour of arrival of the oldest.
    oldest: Option<Hour>,
    /// The latest hour of arrival. Never goes back, so a clock that does cannot make ids young again.
    arrival_hour: Hour,
    sequence: u64,
}

impl SeenIds {
    /// Takes note of the clock.
    pub fn advance(&mut self, now: Hour) {
        self.arrival_hour = self.arrival_hour.max(now);
    }

    /// Remembers an id in memory. False when it arrived in the last 48 hours.
    pub fn insert(&mut self, organization: OrganizationId, id: Fingerprint) -> bool {
        use hashbrown::hash_table::Entry;
        let table = self.recent.entry(organization).or_default();
        match table.entry(hash(&id), |seen| *seen == id, hash) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(id);
                true
            }
        }
    }

    /// Remembers many ids at once. False when one was there already.
    ///
    /// A start with millions of them waits for memory, not for the processor: so they come nearly in the order of their
    /// places in the table.
    fn insert_all(&mut self, organization: OrganizationId, ids: Vec<Fingerprint>) -> bool {
        let table = self.recent.entry(organization).or_default();
        table.reserve(ids.len(), hash);
        // The place of an id is the low bits of its hash, as many as the table has.
        let bits = (table.capacity() + table.capacity() / 7).max(1 << PART_BITS).next_power_of_two().ilog2();
        let part = |id: &Fingerprint| (hash(id) >> (bits - PART_BITS)) as usize & (PARTS - 1);
        let mut ends = [0; PARTS];
        ids.iter().for_each(|id| ends[part(id)] += 1);
        let mut before = 0;
        for end in &mut ends {
            (*end, before) = (before, before + *end);
        }
        let mut ordered = vec![Fingerprint([0; FINGERPRINT]); ids.len()];
        for id in &ids {
            let end = &mut ends[part(id)];
            ordered[*end] = *id;
            *end += 1;
        }
        drop(ids);
        ordered.into_iter().all(|id| self.insert(organization, id))
    }

    /// Forgets an id that was not written after all.
    pub fn remove(&mut self, organization: OrganizationId, id: Fingerprint) {
        if let Some(table) = self.recent.get_mut(&organization)
            && let Ok(place) = table.find_entry(hash(&id), |seen| *seen == id)
        {
            place.remove();
        }
    }

    /// Whether ids of this hour may have aged out of memory.
    pub fn may_have_aged(&self, hour: Hour) -> bool {
        hour.0 + AHEAD_HOURS <= self.arrival_hour.0
    }

    /// Whether some ids arrived more than 48 hours ago.
    pub fn has_aging(&self) -> bool {
        self.oldest.is_some_and(|oldest| oldest.0 + RECENT_HOURS < self.arrival_hour.0)
    }

    /// Takes the result of [`Writer::age_ids`], once it is committed.
    pub fn aged(&mut self, aged: Aged) {
        for (organization, _, id) in aged.ids {
            self.remove(organization, id);
        }
        self.oldest = aged.oldest_left;
    }

    /// How many ids are in memory.
    pub fn len(&self) -> usize {
        self.recent.values().map(HashTable::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The fingerprint is a hash already.
fn hash(id: &Fingerprint) -> u64 {
    u64::from_le_bytes(id.0[..8].try_into().expect("eight of twelve bytes"))
}

impl Writer {
    /// Whether any ids are kept with this hour.
    pub fn has_aged_ids(&self, organization: OrganizationId, hour: Hour) -> Result<bool, StoreError> {
        let table = self.transaction.open_table(IDS)?;
        let (first, last) = (keys::ids(organization, hour, 0), keys::ids(organization, hour, u32::MAX));
        Ok(table.range::<&[u8]>(&first[..]..=&last[..])?.next().is_some())
    }

    /// Whether an id is among those kept with its hour.
    pub fn has_aged_id(&self, (organization, hour, id): Seen) -> Result<bool, StoreError> {
        let table = self.transaction.open_table(IDS)?;
        let (first, last) = (keys::ids(organization, hour, 0), keys::ids(organization, hour, u32::MAX));
        for entry in table.range::<&[u8]>(&first[..]..=&last[..])? {
            let (_, value) = entry?;
            if fingerprints(value.value())?.binary_search(&id.0).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes the ids of this transaction, in order of organization and hour.
    pub fn log_arrivals(&self, seen: &mut SeenIds, ids: &[Seen]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut table = self.transaction.open_table(ARRIVALS)?;
        let mut value = Vec::new();
        let mut write = |value: &mut Vec<u8>| -> Result<(), StoreError> {
            seen.sequence += 1;
            seen.oldest.get_or_insert(seen.arrival_hour);
            table.insert(&keys::arrival(seen.arrival_hour, seen.sequence)[..], &value[..])?;
            value.clear();
            Ok(())
        };
        for group in ids.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let mut group = group;
            while !group.is_empty() {
                let room = (VALUE_BYTES.saturating_sub(value.len() + 12)) / FINGERPRINT;
                if room == 0 {
                    write(&mut value)?;
                    continue;
                }
                let (now, later) = group.split_at(room.min(group.len()));
                value.extend_from_slice(&now[0].0.0.to_be_bytes());
                value.extend_from_slice(&now[0].1.0.to_be_bytes());
                value.extend_from_slice(&(now.len() as u32).to_be_bytes());
                now.iter().for_each(|(_, _, id)| value.extend_from_slice(&id.0));
                group = later;
            }
        }
        write(&mut value)
    }

    /// Moves some ids older than 48 hours from `arrivals` to `ids`. After the commit, memory follows by
    /// [`SeenIds::aged`].
    pub fn age_ids(&self, seen: &SeenIds) -> Result<Aged, StoreError> {
        let mut arrivals = self.transaction.open_table(ARRIVALS)?;
        let end = keys::arrival(Hour(seen.arrival_hour.0.saturating_sub(RECENT_HOURS)), 0);
        let mut aged = Vec::new();
        let mut moved = Vec::new();
        for entry in arrivals.range::<&[u8]>(..&end[..])?.take(AGE_VALUES) {
            let (key, value) = entry?;
            read_arrivals(value.value(), |id| aged.push(id))?;
            moved.push(key.value().to_vec());
        }
        for key in &moved {
            arrivals.remove(&key[..])?;
        }
        aged.sort_unstable();
        let mut table = self.transaction.open_table(IDS)?;
        for group in aged.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (organization, hour, _) = group[0];
            let mut ids: Vec<[u8; FINGERPRINT]> = group.iter().map(|(_, _, id)| id.0).collect();
            let (first, last) = (keys::ids(organization, hour, 0), keys::ids(organization, hour, u32::MAX));
            let mut run = 0;
            if let Some(entry) = table.range::<&[u8]>(&first[..]..=&last[..])?.next_back() {
                let (key, value) = entry?;
                run = keys::read_u32(key.value(), 8).ok_or_else(|| damaged("a key of ids"))?;
                // A run that is not full takes the new ids in.
                if value.value().len() <= VALUE_BYTES / 2 {
                    ids.extend_from_slice(fingerprints(value.value())?);
                    ids.sort_unstable();
                } else {
                    run += 1;
                }
            }
            for chunk in ids.chunks(VALUE_BYTES / FINGERPRINT) {
                table.insert(&keys::ids(organization, hour, run)[..], chunk.as_flattened())?;
                run += 1;
            }
        }
        let oldest_left = match arrivals.first()? {
            Some((key, _)) => keys::read_u32(key.value(), 0).map(Hour),
            None => None,
        };
        Ok(Aged { ids: aged, oldest_left })
    }
}

pub(super) fn load(arrivals: &ReadOnlyTable<&'static [u8], &'static [u8]>) -> Result<SeenIds, StoreError> {
    let mut seen = SeenIds::default();
    let mut counts: HashMap<OrganizationId, usize> = HashMap::new();
    for entry in arrivals.iter()? {
        each_arrival(entry?.1.value(), |organization, _, ids| *counts.entry(organization).or_default() += ids.len())?;
    }
    let mut all: HashMap<OrganizationId, Vec<Fingerprint>> =
        counts.into_iter().map(|(organization, count)| (organization, Vec::with_capacity(count))).collect();
    for entry in arrivals.iter()? {
        let (key, value) = entry?;
        let (hour, sequence) = key.value().split_at_checked(4).ok_or_else(|| damaged("a key of arrivals"))?;
        seen.arrival_hour = Hour(keys::read_u32(hour, 0).unwrap_or_default());
        seen.oldest.get_or_insert(seen.arrival_hour);
        seen.sequence = u64::from_be_bytes(sequence.try_into().map_err(|_| damaged("a key of arrivals"))?);
        each_arrival(value.value(), |organization, _, ids| {
            all.entry(organization).or_default().extend(ids.iter().map(|id| Fingerprint(*id)));
        })?;
    }
    for (organization, ids) in all {
        if !seen.insert_all(organization, ids) {
            return Err(damaged("an id that was counted twice"));
        }
    }
    Ok(seen)
}

pub(super) fn read_arrivals(value: &[u8], mut visit: impl FnMut(Seen)) -> Result<(), StoreError> {
    each_arrival(value, |organization, hour, ids| {
        ids.iter().for_each(|id| visit((organization, hour, Fingerprint(*id))));
    })
}

/// Calls `visit` with the ids of each organization and hour in a value.
fn each_arrival(
    mut value: &[u8],
    mut visit: impl FnMut(OrganizationId, Hour, &[[u8; FINGERPRINT]]),
) -> Result<(), StoreError> {
    while !value.is_empty() {
        let number = |i: usize| keys::read_u32(value, 4 * i);
        let (Some(organization), Some(hour), Some(count)) = (number(0), number(1), number(2)) else {
            return Err(damaged("arrived ids"));
        };
        let end = 12 + count as usize * FINGERPRINT;
        let ids = value.get(12..end).ok_or_else(|| damaged("arrived ids"))?;
        visit(OrganizationId(organization), Hour(hour), fingerprints(ids)?);
        value = &value[end..];
    }
    Ok(())
}

pub(super) fn fingerprints(bytes: &[u8]) -> Result<&[[u8; FINGERPRINT]], StoreError> {
    match bytes.as_chunks() {
        (ids, []) => Ok(ids),
        _ => Err(damaged("a list of ids")),
    }
}
