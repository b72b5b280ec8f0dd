//! Which events were counted already.
//!
//! An id is kept as a 96-bit fingerprint. It arrives in a hash table in memory and in `arrivals`, which has ids in the
//! order they came, one value per commit, and from which a start reads the table. When that has grown large, all of it
//! becomes a sorted run in the file ([`super::runs`]). Forty-eight hours after arrival an id moves to `ids`, under the
//! hour its event belongs to, where it stays as long as that hour does ([`super::aged`]).
//!
//! An event may be up to 24 hours ahead of the clock, so ids that have aged belong to hours at least 24 hours old:
//! only late events ever look there. An event that completes a call of another hour has its id kept with its own hour
//! at once; the few such hours that are younger are known in memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use hashbrown::HashTable;
use redb::ReadableTable;

use super::runs::{self, RECENT_HOURS, Runs, Seen, Step};
use super::{ARRIVALS, Bytes, META, RUNS, Reader, StoreError, Writer, damaged, keys};
use crate::model::{AHEAD_HOURS, Fingerprint, Hour, OrganizationId};

pub(super) const FINGERPRINT: usize = 12;
/// Values end just below four pages of the store: larger ones waste what rounding up to a power of two adds.
const VALUE_BYTES: usize = 16 * 1024 - 64;
/// Arrivals moved in one transaction, so that ageing never holds up events for long.
const AGE_VALUES: usize = 256;
/// Parts of the table that a start fills one after the other. That of 20 million ids is then 2 MB, and in cache.
const PARTS: usize = 1 << PART_BITS;
const PART_BITS: u32 = 8;

/// The latest hour of arrival when ids were last moved.
pub(super) const ARRIVAL_KEY: &[u8] = b"arrival hour";

/// When ids become a run, and runs one. Tests set it low, so that few ids have all there is.
#[derive(Debug, Clone, Copy)]
pub struct IdPolicy {
    /// Ids in memory from which on they become a run.
    pub run_ids: usize,
    /// Runs that are merged into one.
    pub merged_runs: usize,
    /// What filters of runs take in memory together at most.
    pub filter_bytes: usize,
}

impl Default for IdPolicy {
    /// As many ids as a table of 2^21 places takes, some 27 MB; and filters that are whole for 220 million ids.
    fn default() -> Self {
        IdPolicy { run_ids: (1 << 21) / 8 * 7, merged_runs: 16, filter_bytes: 320 << 20 }
    }
}

/// What was done to ids in the file.
pub struct Tidied(Done);

enum Done {
    /// These moved from `arrivals` to `ids`.
    Aged {
        ids: Vec<Seen>,
        oldest_left: Option<Hour>,
    },
    /// All in memory became a run.
    Frozen(Step),
    Runs(Step),
}

/// The ids that arrived in the last 48 hours.
#[derive(Debug, Default)]
pub struct SeenIds {
    policy: IdPolicy,
    /// Those that are in no run.
    recent: HashMap<OrganizationId, HashTable<Fingerprint>>,
    /// How many those are.
    count: usize,
    runs: Runs,
    /// The hour of arrival of the oldest.
    oldest: Option<Hour>,
    /// The latest hour of arrival. Never goes back, so a clock that does cannot make ids young again.
    arrival_hour: Hour,
    sequence: u64,
    /// Hours that ids were moved to before their time: see [`Writer::keep_with_hour`].
    early: HashSet<(OrganizationId, Hour)>,
}

impl SeenIds {
    /// Takes note of the clock.
    pub fn advance(&mut self, now: Hour) {
        if now > self.arrival_hour {
            self.arrival_hour = now;
            self.early.retain(|(_, hour)| !has_aged(*hour, now));
        }
    }

    pub(super) fn arrival_hour(&self) -> Hour {
        self.arrival_hour
    }

    /// Remembers an id in memory. False when it arrived in the last 48 hours.
    pub fn insert(&mut self, organization: OrganizationId, id: Fingerprint) -> bool {
        use hashbrown::hash_table::Entry;
        let table = self.recent.entry(organization).or_default();
        match table.entry(hash(&id), |seen| *seen == id, hash) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(id);
                self.count += 1;
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
            self.count -= 1;
        }
    }

    /// For each of these ids that a run may have, its place among them and the run, in order of places. Asked for many
    /// at once because each waits for memory.
    pub fn candidates<'i>(&self, ids: impl Iterator<Item = &'i Fingerprint>) -> Vec<(usize, usize)> {
        self.runs.candidates(ids)
    }

    /// Whether ids of this hour may be kept with it.
    pub fn may_have_aged(&self, organization: OrganizationId, hour: Hour) -> bool {
        has_aged(hour, self.arrival_hour) || !self.early.is_empty() && self.early.contains(&(organization, hour))
    }

    /// The first hour whose arrivals are remembered whatever the hour of their event.
    pub(super) fn oldest_kept(&self) -> Hour {
        Hour(self.arrival_hour.0.saturating_sub(RECENT_HOURS))
    }

    /// Whether some ids in memory arrived more than 48 hours ago.
    fn has_aging(&self) -> bool {
        self.oldest.is_some_and(|oldest| oldest < self.oldest_kept())
    }

    /// Whether [`Writer::tidy_ids`] has something to do.
    pub fn need_tidying(&self) -> bool {
        self.has_aging()
            || self.count >= self.policy.run_ids
            || self.runs.are_due(self.oldest_kept(), self.policy.merged_runs)
    }

    /// Takes the result of [`Writer::tidy_ids`], once it is committed.
    pub fn tidied(&mut self, tidied: Tidied) {
        match tidied.0 {
            Done::Aged { ids, oldest_left } => {
                ids.into_iter().for_each(|(organization, _, id)| self.remove(organization, id));
                self.oldest = oldest_left;
            }
            Done::Frozen(step) => {
                self.recent = HashMap::new();
                self.count = 0;
                self.oldest = None;
                self.runs.done(step);
            }
            Done::Runs(step) => self.runs.done(step),
        }
        self.runs.shorten_filters(self.policy.filter_bytes);
    }
}

/// Whether ids of an hour may have aged out of memory by another.
fn has_aged(hour: Hour, now: Hour) -> bool {
    hour.0 + AHEAD_HOURS <= now.0
}

/// The fingerprint is a hash already.
fn hash(id: &Fingerprint) -> u64 {
    u64::from_le_bytes(id.0[..8].try_into().expect("eight of twelve bytes"))
}

/// The runs that are in the file.
pub struct RunsOfIds<'w>(redb::Table<'w, Bytes, Bytes>);

impl RunsOfIds<'_> {
    /// Whether a run that [`SeenIds::candidates`] named has the id, in the event's hour or of the last 48 hours.
    pub fn have(&self, seen: &SeenIds, run: usize, id: Seen) -> Result<bool, StoreError> {
        seen.runs.has(&self.0, run, id, seen.oldest_kept())
    }
}

impl Writer {
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

    /// Opens what [`SeenIds::candidates`] are looked for in. Once for many: it takes as long as finding one.
    pub fn runs_of_ids(&self) -> Result<RunsOfIds<'_>, StoreError> {
        Ok(RunsOfIds(self.transaction.open_table(RUNS)?))
    }

    /// Moves some ids to where they belong next, if any do. After the commit, memory follows by [`SeenIds::tidied`].
    pub fn tidy_ids(&self, seen: &mut SeenIds) -> Result<Option<Tidied>, StoreError> {
        // Ids that have moved are looked for by the hour at which that was; no clock may make it an earlier one.
        self.transaction.open_table(META)?.insert(ARRIVAL_KEY, &seen.arrival_hour.0.to_be_bytes()[..])?;
        if seen.has_aging() {
            return Ok(Some(Tidied(self.age_ids(seen)?)));
        }
        if seen.count >= seen.policy.run_ids {
            return Ok(Some(Tidied(self.freeze_ids(seen)?)));
        }
        let oldest_kept = seen.oldest_kept();
        let step = self.tidy_runs(&mut seen.runs, oldest_kept, seen.policy.merged_runs)?;
        Ok(step.map(|step| Tidied(Done::Runs(step))))
    }

    fn age_ids(&self, seen: &SeenIds) -> Result<Done, StoreError> {
        let mut arrivals = self.transaction.open_table(ARRIVALS)?;
        let end = keys::arrival(seen.oldest_kept(), 0);
        let mut ids = Vec::new();
        let mut moved = Vec::new();
        for entry in arrivals.range::<&[u8]>(..&end[..])?.take(AGE_VALUES) {
            let (key, value) = entry?;
            read_arrivals(value.value(), |id| ids.push(id))?;
            moved.push(key.value().to_vec());
        }
        for key in &moved {
            arrivals.remove(&key[..])?;
        }
        let oldest_left = match arrivals.first()? {
            Some((key, _)) => Some(Hour(keys::read_u32(key.value(), 0).ok_or_else(|| damaged("a key of arrivals"))?)),
            None => None,
        };
        ids.sort_unstable();
        self.keep_with_hours(&ids)?;
        Ok(Done::Aged { ids, oldest_left })
    }

    /// Makes a run of all ids in memory.
    fn freeze_ids(&self, seen: &SeenIds) -> Result<Done, StoreError> {
        let mut arrivals = self.transaction.open_table(ARRIVALS)?;
        let first = seen.oldest.unwrap_or(seen.arrival_hour);
        let mut ids: BTreeMap<OrganizationId, Vec<u128>> = BTreeMap::new();
        for entry in arrivals.iter()? {
            let (key, value) = entry?;
            let arrival = keys::read_u32(key.value(), 0).ok_or_else(|| damaged("a key of arrivals"))?;
            let after = arrival.checked_sub(first.0).and_then(|hours| u8::try_from(hours).ok());
            let after = after.ok_or_else(|| damaged("arrivals of more than 48 hours"))?;
            read_arrivals(value.value(), |(organization, hour, id)| {
                ids.entry(organization).or_default().push(runs::entry(id, hour, after));
            })?;
        }
        arrivals.retain(|_, _| false)?;
        drop(arrivals);
        Ok(Done::Frozen(self.add_run(&seen.runs, ids, (first, seen.arrival_hour))?))
    }

    /// Keeps known ids with another hour as well, at once: events that completed calls of that other hour have it. So
    /// they are known by either when the 48 hours are over.
    pub fn keep_with_hour(&self, seen: &mut SeenIds, ids: &mut [Seen]) -> Result<(), StoreError> {
        ids.sort_unstable();
        // If this is not committed, some events are looked up in vain.
        seen.early.extend(ids.iter().map(|(organization, hour, _)| (*organization, *hour)));
        self.keep_with_hours(ids)
    }
}

pub(super) fn load(reader: &Reader, policy: IdPolicy) -> Result<SeenIds, StoreError> {
    let arrivals = reader.transaction.open_table(ARRIVALS)?;
    let arrival_hour = reader.transaction.open_table(META)?.get(ARRIVAL_KEY)?;
    let arrival_hour =
        arrival_hour.map(|hour| keys::read_u32(hour.value(), 0).ok_or_else(|| damaged("the arrival hour")));
    let arrival_hour = Hour(arrival_hour.transpose()?.unwrap_or_default());
    let mut seen = SeenIds { policy, runs: reader.runs(policy.filter_bytes)?, arrival_hour, ..SeenIds::default() };
    let mut counts: HashMap<OrganizationId, usize> = HashMap::new();
    for entry in arrivals.iter()? {
        each_arrival(entry?.1.value(), |organization, _, ids| *counts.entry(organization).or_default() += ids.len())?;
    }
    let mut all: HashMap<OrganizationId, Vec<Fingerprint>> =
        counts.into_iter().map(|(organization, count)| (organization, Vec::with_capacity(count))).collect();
    for entry in arrivals.iter()? {
        let (key, value) = entry?;
        let (hour, sequence) = key.value().split_at_checked(4).ok_or_else(|| damaged("a key of arrivals"))?;
        let hour = Hour(keys::read_u32(hour, 0).unwrap_or_default());
        seen.advance(hour);
        seen.oldest.get_or_insert(hour);
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
    let young = Hour((seen.arrival_hour.0 + 1).saturating_sub(AHEAD_HOURS));
    seen.early = reader.hours_with_aged_ids(young)?;
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

fn fingerprints(bytes: &[u8]) -> Result<&[[u8; FINGERPRINT]], StoreError> {
    match bytes.as_chunks() {
        (ids, []) => Ok(ids),
        _ => Err(damaged("a list of ids")),
    }
}
