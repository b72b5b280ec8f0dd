//! Ids of the last 48 hours that are too many for memory: runs of them, sorted, in the file, and in memory a filter
//! of each that says for nearly every new id that it is in none.
//!
//! A run is cut into parts of about a page by the first bits of its ids, which are hashes, so the part of an id is
//! known without looking. An entry is a 128-bit integer: 96 bits of the id, 24 of its event's hour, 8 of how many hours
//! after the run's first it arrived. Integers sort like ids, and sort quickly.
//!
//! A run counts from the transaction on that writes its head, which is the last of it, to the one that removes it. What
//! has no head was merged or moved, or is what a stop left of a merge, and is removed a part at a time.

use std::collections::BTreeMap;

use redb::{ReadableTable, Table};

use super::filter::{Filter, Probe};
use super::packed::{BlockError, bind, body, frame, put_varint, take_byte, take_varint_u32, take_varint_u64};
use super::{Bytes, RUNS, Reader, StoreError, Writer, damaged, keys};
use crate::model::{Fingerprint, Hour, OrganizationId};

/// How long after its arrival an id is looked for whatever its hour.
pub(super) const RECENT_HOURS: u32 = 48;

/// One id's place: whose event it is and in which hour.
pub type Seen = (OrganizationId, Hour, Fingerprint);

const VERSION: u8 = 1;
/// Ids of a part on average: with them hardly any part takes more than one page of the store.
const PART_IDS: u64 = 200;
/// Values written or removed in one step, so that it never holds up events for long.
const STEP_VALUES: u32 = 250;
/// Parts moved in one step: many, because their ids are of all hours of the run, and each of those is written anew.
const STEP_MOVED: usize = 1700;

/// What a run says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Whether it was made of others.
    pub merged: bool,
    pub first_arrival: u32,
    pub last_arrival: u32,
    /// How many of its ids were moved to their hours already.
    pub moved: u64,
    /// Organizations, and how many ids of each the run was written with.
    pub organizations: Vec<(u32, u64)>,
}

impl Head {
    fn write(&self) -> Vec<u8> {
        let mut out = vec![u8::from(self.merged)];
        for value in [u64::from(self.first_arrival), u64::from(self.last_arrival), self.moved] {
            put_varint(&mut out, value.into());
        }
        put_varint(&mut out, self.organizations.len() as u128);
        for (organization, ids) in &self.organizations {
            put_varint(&mut out, (*organization).into());
            put_varint(&mut out, (*ids).into());
        }
        out
    }

    fn read(mut at: &[u8]) -> Result<Head, BlockError> {
        let at = &mut at;
        Ok(Head {
            merged: take_byte(at)? != 0,
            first_arrival: take_varint_u32(at)?,
            last_arrival: take_varint_u32(at)?,
            moved: take_varint_u64(at)?,
            organizations: (0..take_varint_u32(at)?)
                .map(|_| Ok((take_varint_u32(at)?, take_varint_u64(at)?)))
                .collect::<Result<_, BlockError>>()?,
        })
    }

    pub fn ids(&self) -> u64 {
        self.organizations.iter().map(|(_, ids)| ids).sum()
    }

    fn arrival_of(&self, entry: u128) -> Hour {
        Hour(self.first_arrival + u32::from(entry as u8))
    }

    fn parts(&self, organization: OrganizationId) -> Option<u32> {
        let found = self.organizations.binary_search_by_key(&organization.0, |(of, _)| *of).ok()?;
        Some(parts(self.organizations[found].1))
    }
}

/// A run that counts.
#[derive(Debug)]
pub(super) struct Run {
    number: u32,
    head: Head,
    filter: Filter,
}

/// Runs being made one.
#[derive(Debug)]
struct Merge {
    inputs: usize,
    output: Run,
    /// The next part to write: its organization's place in the head, and its number.
    next: (usize, u32),
}

/// Every run, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Runs {
    runs: Vec<Run>,
    /// Of the oldest runs that are not merged yet.
    merge: Option<Merge>,
    /// Numbers of runs without a head, which are removed.
    leftovers: Vec<u32>,
    next_number: u32,
}

/// What a step did to the file, for memory to follow once it is committed.
pub(super) enum Step {
    Cleared { all: bool },
    Added(Run),
    Moved { ids: u64, all: bool },
    MergedTo((usize, u32)),
    Merged,
}

impl Runs {
    /// Pairs of an id's place and a run that may have it, in order of ids.
    pub fn candidates<'i>(&self, ids: impl Iterator<Item = &'i Fingerprint>) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        if self.runs.is_empty() {
            return found;
        }
        let probes: Vec<Probe> = ids.map(Probe::of).collect();
        // One run after the other: then the processor waits for the filter's lines of many ids at once.
        for (at, run) in self.runs.iter().enumerate() {
            let may_have = probes.iter().enumerate().filter(|(_, probe)| run.filter.may_have(probe));
            found.extend(may_have.map(|(i, _)| (i, at)));
        }
        found.sort_unstable();
        found
    }

    /// Whether a run has an id that keeps an event of this hour from being counted: one of the same hour, or one that
    /// arrived at `oldest_kept` or later.
    pub fn has(
        &self,
        table: &impl ReadableTable<Bytes, Bytes>,
        run: usize,
        (organization, hour, id): Seen,
        oldest_kept: Hour,
    ) -> Result<bool, StoreError> {
        let mut found = find(table, &self.runs[run], organization, id)?.into_iter();
        Ok(found.any(|(of, arrival)| of == hour || arrival >= oldest_kept))
    }

    /// Whether there is anything to do: what no longer counts, runs that are too old, or many that could be one.
    pub fn are_due(&self, oldest_kept: Hour, mergeable: usize) -> bool {
        !self.leftovers.is_empty()
            || self.merge.is_some()
            || self.runs.first().is_some_and(|run| run.head.last_arrival < oldest_kept.0)
            || self.runs.iter().filter(|run| !run.head.merged).count() >= mergeable
    }

    /// Follows what is in the file.
    pub fn done(&mut self, step: Step) {
        match step {
            Step::Cleared { all: false } => {}
            Step::Cleared { all: true } => drop(self.leftovers.pop()),
            Step::Added(run) => {
                self.next_number = run.number + 1;
                self.runs.push(run);
            }
            Step::Moved { all: true, .. } => self.leftovers.push(self.runs.remove(0).number),
            Step::Moved { ids, all: false } => self.runs[0].head.moved += ids,
            Step::MergedTo(next) => self.merge.as_mut().expect("a merge goes on").next = next,
            Step::Merged => {
                let merge = self.merge.take().expect("a merge ends");
                let first = self.first_mergeable();
                let merged = self.runs.splice(first..first + merge.inputs, [merge.output]);
                self.leftovers.extend(merged.map(|run| run.number));
            }
        }
    }

    /// Makes filters shorter, the longest first, until all take no more than this. What they then take for an id of a
    /// run by mistake is looked for in the file.
    pub fn shorten_filters(&mut self, most_bytes: usize) {
        while self.runs.iter().map(|run| run.filter.bytes()).sum::<usize>() > most_bytes {
            let Some(longest) = self.runs.iter_mut().max_by_key(|run| run.filter.bytes()) else { return };
            if !longest.filter.halve() {
                return;
            }
        }
    }

    fn first_mergeable(&self) -> usize {
        self.runs.iter().position(|run| !run.head.merged).unwrap_or(self.runs.len())
    }

    /// Begins to make one of the oldest runs that are not merged.
    fn begin_merge(&mut self, inputs: usize) {
        let of = &self.runs[self.first_mergeable()..][..inputs];
        let first_arrival = of[0].head.first_arrival;
        // Clocks jump, and only hours that fit a byte can be told apart.
        let near = of.iter().take_while(|run| run.head.last_arrival - first_arrival <= u8::MAX.into()).count();
        let of = &of[..near];
        let mut organizations: BTreeMap<u32, u64> = BTreeMap::new();
        for (organization, ids) in of.iter().flat_map(|run| &run.head.organizations) {
            *organizations.entry(*organization).or_default() += ids;
        }
        let organizations = organizations.into_iter().collect();
        let last_arrival = of[near - 1].head.last_arrival;
        let head = Head { merged: true, first_arrival, last_arrival, moved: 0, organizations };
        let output = Run { number: self.next_number, filter: Filter::for_ids(head.ids()), head };
        self.next_number += 1;
        self.merge = Some(Merge { inputs: near, output, next: (0, 0) });
    }

    /// Takes note of what a run should have, and whether it does.
    pub fn check(&self) -> RunCheck<'_> {
        RunCheck { runs: self, found: BTreeMap::new(), filter: None }
    }
}

/// The check of all runs, part by part.
pub(super) struct RunCheck<'a> {
    runs: &'a Runs,
    /// Ids of each run that counts.
    found: BTreeMap<u32, u64>,
    /// The filter of the run at hand as it is in the file: in one that was halved a missing bit may not show.
    filter: Option<(u32, Filter)>,
}

impl RunCheck<'_> {
    /// Checks an entry of the table, and calls `visit` with its ids when it is a part of a run that counts: whose and
    /// of which hour each is, and when it arrived.
    pub fn part(
        &mut self,
        reader: &Reader,
        key: &[u8],
        value: &[u8],
        mut visit: impl FnMut(Seen, Hour) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let number = |i: usize| keys::read_u32(key, 4 * i).ok_or_else(|| damaged("a run's key"));
        let (run, organization, part) = (number(0)?, OrganizationId(number(1)?), number(2)?);
        let entries = entries(key, value)?;
        let Some(at) = self.runs.runs.iter().position(|of| of.number == run) else { return Ok(()) };
        let of = &self.runs.runs[at];
        let parts = of.head.parts(organization).ok_or_else(|| damaged("a part of an organization without ids"))?;
        let filter = match &self.filter {
            Some((known, filter)) if *known == run => filter,
            _ => {
                let filter = read_filter(&reader.transaction.open_table(RUNS)?, run, of.head.ids())?;
                &self.filter.insert((run, filter)).1
            }
        };
        let mut last = None;
        for entry in entries.iter().map(|entry| u128::from_be_bytes(*entry)) {
            let (id, arrival) = (id_of(entry), of.head.arrival_of(entry));
            if last.replace(entry).is_some_and(|last| last >= entry) || part_of(entry, parts) != part {
                return Err(damaged("ids of a run are out of order"));
            }
            let probe = Probe::of(&id);
            if !filter.may_have(&probe) {
                return Err(damaged("a run's filter denies an id of it"));
            }
            visit((organization, hour_of(entry), id), arrival)?;
            let others = self.runs.runs[at + 1..].iter().filter(|other| other.filter.may_have(&probe));
            for other in others {
                let found = find(&reader.transaction.open_table(RUNS)?, other, organization, id)?;
                if found.iter().any(|(hour, later)| is_twice((hour_of(entry), arrival), (*hour, *later))) {
                    return Err(damaged("an id was counted twice"));
                }
            }
        }
        *self.found.entry(run).or_default() += entries.len() as u64;
        Ok(())
    }

    /// Sees that all parts were there; gives the number of ids.
    pub fn finish(self) -> Result<u64, StoreError> {
        let mut all = 0;
        for run in &self.runs.runs {
            let found = self.found.get(&run.number).copied().unwrap_or(0);
            if found + run.head.moved != run.head.ids() {
                return Err(damaged(format!(
                    "run {} of ids has {found} and moved {}, of {}",
                    run.number,
                    run.head.moved,
                    run.head.ids()
                )));
            }
            all += found;
        }
        Ok(all)
    }
}

/// Whether the same id may not be there with both of these hours and arrivals.
pub(super) fn is_twice(a: (Hour, Hour), b: (Hour, Hour)) -> bool {
    a.0 == b.0 || a.1.0.abs_diff(b.1.0) < RECENT_HOURS
}

impl Writer {
    /// Writes ids as a run, each organization's as entries of [`entry`], with arrivals counted from `first_arrival`.
    pub(super) fn add_run(
        &self,
        runs: &Runs,
        ids: BTreeMap<OrganizationId, Vec<u128>>,
        (first_arrival, last_arrival): (Hour, Hour),
    ) -> Result<Step, StoreError> {
        let organizations = ids.iter().map(|(organization, ids)| (organization.0, ids.len() as u64)).collect();
        let (first_arrival, last_arrival) = (first_arrival.0, last_arrival.0);
        let head = Head { merged: false, first_arrival, last_arrival, moved: 0, organizations };
        let mut run = Run { number: runs.next_number, filter: Filter::for_ids(head.ids()), head };
        let mut table = self.transaction.open_table(RUNS)?;
        for (organization, mut ids) in ids {
            ids.sort_unstable();
            ids.iter().for_each(|entry| run.filter.add(&Probe::of(&id_of(*entry))));
            write_parts(&mut table, run.number, organization, parts(ids.len() as u64), &ids)?;
        }
        write_filter(&mut table, &run, 0, u32::MAX)?;
        put_head(&mut table, run.number, &run.head)?;
        Ok(Step::Added(run))
    }

    /// Does a part of what is due; what, if anything.
    pub(super) fn tidy_runs(
        &self,
        runs: &mut Runs,
        oldest_kept: Hour,
        mergeable: usize,
    ) -> Result<Option<Step>, StoreError> {
        if let Some(leftover) = runs.leftovers.last() {
            let all = self.clear(*leftover)?;
            return Ok(Some(Step::Cleared { all }));
        }
        if runs.merge.is_none() {
            if runs.runs.first().is_some_and(|run| run.head.last_arrival < oldest_kept.0) {
                return self.move_ids(&runs.runs[0]).map(Some);
            }
            if runs.runs.len() - runs.first_mergeable() < mergeable {
                return Ok(None);
            }
            runs.begin_merge(mergeable);
        }
        self.merge_on(runs).map(Some)
    }

    /// Writes the next parts of the run that others are merged into.
    fn merge_on(&self, runs: &mut Runs) -> Result<Step, StoreError> {
        let first = runs.first_mergeable();
        let merge = runs.merge.as_mut().expect("a merge goes on");
        let inputs = &runs.runs[first..first + merge.inputs];
        let output = &mut merge.output;
        let mut table = self.transaction.open_table(RUNS)?;
        let (at, part) = merge.next;
        let Some((organization, ids)) = output.head.organizations.get(at) else {
            // With all ids in it, the filter; with that, the head.
            if write_filter(&mut table, output, part, STEP_VALUES)? == STEP_VALUES {
                return Ok(Step::MergedTo((at, part + STEP_VALUES)));
            }
            put_head(&mut table, output.number, &output.head)?;
            for run in inputs {
                table.remove(&head_key(run.number)[..])?;
            }
            return Ok(Step::Merged);
        };
        let (organization, all) = (OrganizationId(*organization), parts(*ids));
        let end = all.min(part + STEP_VALUES);
        let mut merged: Vec<u128> = Vec::new();
        for run in inputs {
            let Some(of_run) = run.head.parts(organization) else { continue };
            // The parts that have anything of it, by the first bits of their ids.
            let (low, high) = (first_of(part, all), last_of(end - 1, all));
            let first = keys::run(run.number, organization, part_of(low, of_run));
            let last = keys::run(run.number, organization, part_of(high, of_run));
            let later = u128::from(run.head.first_arrival - output.head.first_arrival);
            for part in table.range::<&[u8]>(&first[..]..=&last[..])? {
                let (key, value) = part?;
                let found = entries(key.value(), value.value())?.iter().map(|entry| u128::from_be_bytes(*entry));
                merged.extend(found.filter(|entry| (low..=high).contains(entry)).map(|entry| entry + later));
            }
        }
        // Stable only because that sort makes use of what is in order already.
        merged.sort();
        // Bits that are set twice, after a commit that failed, do no harm.
        merged.iter().for_each(|entry| output.filter.add(&Probe::of(&id_of(*entry))));
        write_parts(&mut table, output.number, organization, all, &merged)?;
        Ok(Step::MergedTo(if end == all { (at + 1, 0) } else { (at, end) }))
    }

    /// Moves ids of a run to their hours.
    fn move_ids(&self, run: &Run) -> Result<Step, StoreError> {
        let mut table = self.transaction.open_table(RUNS)?;
        let (mut moved, mut gone) = (Vec::new(), Vec::new());
        let (first, last) = keys::parts_of_run(run.number);
        let mut all = true;
        for part in table.range::<&[u8]>(&first[..]..=&last[..])? {
            let (key, value) = part?;
            let organization =
                keys::read_u32(key.value(), 4).map(OrganizationId).ok_or_else(|| damaged("a run's key"))?;
            let found = entries(key.value(), value.value())?.iter().map(|entry| u128::from_be_bytes(*entry));
            moved.extend(found.map(|entry| (organization, hour_of(entry), id_of(entry))));
            gone.push(key.value().to_vec());
            if gone.len() == STEP_MOVED {
                all = false;
                break;
            }
        }
        for key in &gone {
            table.remove(&key[..])?;
        }
        let ids = moved.len() as u64;
        if all {
            table.remove(&head_key(run.number)[..])?;
        } else {
            put_head(&mut table, run.number, &Head { moved: run.head.moved + ids, ..run.head.clone() })?;
        }
        drop(table);
        moved.sort_unstable();
        self.keep_with_hours(&moved)?;
        Ok(Step::Moved { ids, all })
    }

    /// Removes some of what is left of a run. Whether that was all.
    fn clear(&self, number: u32) -> Result<bool, StoreError> {
        let mut table = self.transaction.open_table(RUNS)?;
        let (first, last) = keys::all_of_run(number);
        let mut gone = Vec::new();
        for entry in table.range::<&[u8]>(&first[..]..=&last[..])?.take(STEP_VALUES as usize) {
            gone.push(entry?.0.value().to_vec());
        }
        for key in &gone {
            table.remove(&key[..])?;
        }
        Ok(gone.len() < STEP_VALUES as usize)
    }
}

impl Reader {
    /// Reads heads and filters of all runs, these made as short as [`Runs::shorten_filters`] does.
    pub(super) fn runs(&self, filter_bytes: usize) -> Result<Runs, StoreError> {
        let table = self.transaction.open_table(RUNS)?;
        let mut runs = Runs::default();
        let mut next = 0;
        loop {
            let from = keys::all_of_run(next).0;
            let Some(entry) = table.range::<&[u8]>(&from[..]..)?.next() else { break };
            let (key, value) = entry?;
            let number = keys::read_u32(key.value(), 0).ok_or_else(|| damaged("a run's key"))?;
            next = number.checked_add(1).ok_or_else(|| damaged("a run's number"))?;
            if key.value() == head_key(number) {
                let head = Head::read(body(VERSION, key.value(), value.value())?)?;
                runs.runs.push(Run { number, filter: read_filter(&table, number, head.ids())?, head });
                runs.shorten_filters(filter_bytes);
            } else {
                runs.leftovers.push(number);
            }
        }
        runs.next_number = next;
        // A merged run has a later number than those that came after what is in it.
        runs.runs.sort_by_key(|run| (run.head.last_arrival, !run.head.merged, run.number));
        Ok(runs)
    }
}

fn read_filter(table: &impl ReadableTable<Bytes, Bytes>, run: u32, ids: u64) -> Result<Filter, StoreError> {
    let (first, last) = keys::filter_of_run(run);
    let mut bytes = Vec::new();
    for chunk in table.range::<&[u8]>(&first[..]..=&last[..])? {
        let (key, value) = chunk?;
        bytes.extend_from_slice(body(VERSION, key.value(), value.value())?);
    }
    Filter::read(&bytes, ids).ok_or_else(|| damaged(format!("the filter of run {run} of ids has another size")))
}

/// The hours of an id's events in a run, and when they arrived.
fn find(
    table: &impl ReadableTable<Bytes, Bytes>,
    run: &Run,
    organization: OrganizationId,
    id: Fingerprint,
) -> Result<Vec<(Hour, Hour)>, StoreError> {
    let Some(parts) = run.head.parts(organization) else { return Ok(Vec::new()) };
    let first = entry(id, Hour(0), 0);
    let key = keys::run(run.number, organization, part_of(first, parts));
    let Some(value) = table.get(&key[..])? else { return Ok(Vec::new()) };
    let entries = entries(&key, value.value())?;
    let at = entries.partition_point(|found| u128::from_be_bytes(*found) < first);
    let same = entries[at..].iter().map(|found| u128::from_be_bytes(*found)).take_while(|found| id_of(*found) == id);
    Ok(same.map(|found| (hour_of(found), run.head.arrival_of(found))).collect())
}

fn parts(ids: u64) -> u32 {
    ids.div_ceil(PART_IDS) as u32
}

/// The part of a run that an entry is in. Ids are hashes, so parts are about as long as one another.
fn part_of(entry: u128, parts: u32) -> u32 {
    (((entry >> 96) * u128::from(parts)) >> 32) as u32
}

/// The lowest entry that can be in a part.
fn first_of(part: u32, parts: u32) -> u128 {
    (u128::from(part) << 32).div_ceil(parts.into()) << 96
}

/// The highest.
fn last_of(part: u32, parts: u32) -> u128 {
    if part + 1 == parts { u128::MAX } else { first_of(part + 1, parts) - 1 }
}

pub(super) fn entry(id: Fingerprint, hour: Hour, hours_after_first: u8) -> u128 {
    let mut bytes = [0; 16];
    bytes[..12].copy_from_slice(&id.0);
    u128::from_be_bytes(bytes) | u128::from(hour.0 << 8 | u32::from(hours_after_first))
}

fn id_of(entry: u128) -> Fingerprint {
    Fingerprint(entry.to_be_bytes()[..12].try_into().expect("twelve of sixteen bytes"))
}

fn hour_of(entry: u128) -> Hour {
    Hour(entry as u32 >> 8)
}

fn entries<'a>(key: &[u8], value: &'a [u8]) -> Result<&'a [[u8; 16]], StoreError> {
    match body(VERSION, key, value)?.as_chunks() {
        (entries, []) => Ok(entries),
        _ => Err(damaged("a part of a run of ids")),
    }
}

/// Writes sorted entries into the parts they belong to.
fn write_parts(
    table: &mut Table<Bytes, Bytes>,
    run: u32,
    organization: OrganizationId,
    parts: u32,
    sorted: &[u128],
) -> Result<(), StoreError> {
    let mut body = Vec::new();
    for part in sorted.chunk_by(|a, b| part_of(*a, parts) == part_of(*b, parts)) {
        let key = keys::run(run, organization, part_of(part[0], parts));
        body.clear();
        part.iter().for_each(|entry| body.extend_from_slice(&entry.to_be_bytes()));
        table.insert(&key[..], &bind(&key, frame(VERSION, &body))[..])?;
    }
    Ok(())
}

/// Writes the filter of a run from one of its chunks on, at most so many; how many.
fn write_filter(table: &mut Table<Bytes, Bytes>, run: &Run, first: u32, most: u32) -> Result<u32, StoreError> {
    let mut written = 0;
    for (chunk, bytes) in (first..).zip(run.filter.chunks_from(first as usize)).take(most as usize) {
        let key = keys::run(run.number, OrganizationId(0), 1 + chunk);
        table.insert(&key[..], &bind(&key, frame(VERSION, &bytes))[..])?;
        written += 1;
    }
    Ok(written)
}

/// Writes what makes a run count.
fn put_head(table: &mut Table<Bytes, Bytes>, run: u32, head: &Head) -> Result<(), StoreError> {
    let key = head_key(run);
    table.insert(&key[..], &bind(&key, frame(VERSION, &head.write()))[..])?;
    Ok(())
}

/// No organization has the number 0.
fn head_key(run: u32) -> [u8; 12] {
    keys::run(run, OrganizationId(0), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_between_the_ends_of_its_part() {
        for parts in [1, 2, 3, 7, 200, 9176, 1 << 20, u32::MAX] {
            for part in [0, 1, parts / 3, parts / 2, parts - 1].into_iter().filter(|part| *part < parts) {
                let (first, last) = (first_of(part, parts), last_of(part, parts));
                assert_eq!((part_of(first, parts), part_of(last, parts)), (part, part), "{part} of {parts}");
                assert!(first == 0 || part_of(first - 1, parts) == part - 1, "{part} of {parts}");
                assert!(last == u128::MAX || part_of(last + 1, parts) == part + 1, "{part} of {parts}");
            }
        }
    }

    #[test]
    fn filters_take_no_more_than_they_may_and_deny_no_id() {
        let ids: Vec<Fingerprint> = (0..40_000).map(|number| Fingerprint::of(&number.to_string())).collect();
        let mut runs = Runs::default();
        for (number, ids) in (0..).zip(ids.chunks(10_000)) {
            let organizations = vec![(1, ids.len() as u64)];
            let head = Head { merged: false, first_arrival: 0, last_arrival: 0, moved: 0, organizations };
            let mut run = Run { number, filter: Filter::for_ids(head.ids()), head };
            ids.iter().for_each(|id| run.filter.add(&Probe::of(id)));
            runs.done(Step::Added(run));
        }
        // Four lines are the least that four filters can be.
        for most in [usize::MAX, 60_000, 30_000, 1000, 4 * 64, 0] {
            runs.shorten_filters(most);
            let bytes: usize = runs.runs.iter().map(|run| run.filter.bytes()).sum();
            assert!(bytes <= most.max(4 * 64), "{bytes} of {most}");
            let own = runs.candidates(ids.iter()).into_iter().filter(|(id, run)| id / 10_000 == *run);
            assert_eq!(own.count(), ids.len(), "with {most} bytes");
        }
    }

    #[test]
    fn an_entry_keeps_what_it_is_made_of() {
        let id = Fingerprint::of("an id");
        let entry = entry(id, Hour(500_000), 48);
        assert_eq!((id_of(entry), hour_of(entry), entry as u8), (id, Hour(500_000), 48));
    }
}
