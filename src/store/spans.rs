//! Spans that told of calls, kept for others of the same calls that come in other posts.
//!
//! ```text
//! key     sequence u64
//! value   a frame (see `store::packed`) around the hour of arrival and some spans, each: org | id 12 bytes | hashes of
//!         the span and its steps, of those around it, of its ids, of what it says, of what it says where another trace
//!         may too: number and 8 bytes each | start, end and instrumentation 8 bytes each | length and bytes of what it
//!         told | 1 + the hour that its id was counted with, or 0 | 1 and what stands in the sums under its id, or 0:
//!         segment | series | completeness | 11 counts | picodollars
//! ```
//!
//! In the file they stand in the order in which they came, so that keeping one costs next to nothing. Where those are
//! that another may belong to is known in memory, for two days and for the last [`CALLS`] at least. Both go in
//! generations, of which the oldest is dropped.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet, VecDeque};

use hashbrown::HashTable;
use redb::{ReadableTable, Table};

use super::ids::{FINGERPRINT, SeenIds};
use super::incomplete::Counted;
use super::packed::{bind, body, frame, put_varint, take_varint_u32, take_varint_u64};
use super::{Bytes, Reader, SPANS, StoreError, Writer, damaged, keys};
use crate::model::{Fingerprint, Hour, KeptSpan, Observed, OrganizationId, SpanHashes};

const VERSION: u8 = 1;
/// Calls that are kept at least, unless they are older than two days.
const CALLS: usize = 1 << 17;
/// Calls of a generation, and hours.
const GENERATION_CALLS: usize = CALLS / 2;
const GENERATION_HOURS: u32 = 24;
/// Most that are found by one hash: calls inside of one span, or those that say the same.
pub const MAX_ALIKE: u32 = 256;
/// A value takes about as much, unless one span needs more: see `store::ids`.
const VALUE_BYTES: usize = 16 * 1024 - 512;

/// Where a span is: the value's sequence and the place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(u64);

impl Place {
    fn new(sequence: u64, at: usize) -> Place {
        Place(sequence << 16 | at as u64)
    }

    fn sequence(self) -> u64 {
        self.0 >> 16
    }

    fn at(self) -> usize {
        self.0 as usize & 0xffff
    }
}

/// A span with what became of the event under its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSpan<'b> {
    pub organization: OrganizationId,
    pub span: Cow<'b, KeptSpan>,
    /// The hour that the id was counted with first, if spans did that. Only they take away or count again what has it.
    pub ours: Option<Hour>,
    /// What stands in the sums under the id.
    pub counted: Option<Counted>,
}

/// What a hash is of.
const OWN: u64 = 0;
const OUTER: u64 = 0x9e37_79b9_7f4a_7c15;
const IDS: u64 = 0xc2b2_ae3d_27d4_eb4f;
const CONTENTS: u64 = 0x1656_67b1_9e37_79f9;

/// What a span is found by.
pub fn known_by(organization: OrganizationId, span: &KeptSpan) -> impl Iterator<Item = u64> {
    let of = &span.hashes;
    let [own, outer] = [(OWN, of.own()), (OUTER, of.outer())];
    keyed(organization, [own, outer, (IDS, of.ids()), (CONTENTS, of.contents()), (CONTENTS, of.across())])
}

/// What others are found by that a span is of one call with, or may be: itself, when it came before; those around it,
/// those inside of it, those with its ids.
pub fn asked_by(organization: OrganizationId, span: &KeptSpan) -> impl Iterator<Item = u64> {
    let of = &span.hashes;
    let own = &of.own()[..of.own().len().min(1)];
    keyed(organization, [(OWN, own), (OWN, of.outer()), (OUTER, of.own()), (IDS, of.ids())])
}

/// What others are found by that say the same. They may be of one call if [`Observed`] agrees.
pub fn asked_by_content(organization: OrganizationId, span: &KeptSpan) -> impl Iterator<Item = u64> {
    let of = &span.hashes;
    let across = of.across().iter().map(|hash| hash ^ 1);
    let mixed = mix(organization);
    of.contents().iter().copied().chain(across).map(move |hash| hash.wrapping_add(CONTENTS) ^ mixed)
}

fn keyed<const N: usize>(organization: OrganizationId, hashes: [(u64, &[u64]); N]) -> impl Iterator<Item = u64> {
    let mixed = mix(organization);
    hashes.into_iter().flat_map(move |(what, hashes)| hashes.iter().map(move |hash| hash.wrapping_add(what) ^ mixed))
}

fn mix(organization: OrganizationId) -> u64 {
    u64::from(organization.0).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// Where the spans are that came lately.
#[derive(Debug, Default)]
pub struct SpanIndex {
    generations: VecDeque<Generation>,
    /// The sequence of the next value.
    next: u64,
}

#[derive(Debug, Default)]
struct Generation {
    first: u64,
    began: Hour,
    /// When the last of it arrived.
    ended: Hour,
    spans: Vec<(Place, Observed)>,
    found: Found,
}

/// Spans of a generation by their hashes, each hash with a list of which the last noted is the first.
#[derive(Debug, Default)]
struct Found {
    by_hash: HashTable<List>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct List {
    hash: u64,
    /// The entry that was noted last.
    last: u32,
    /// One more than [`MAX_ALIKE`] where there are more, of which no entry is noted: a program may do the same as often
    /// as it likes.
    count: u32,
}

#[derive(Debug)]
struct Entry {
    span: u32,
    /// The one that was noted before, if it is not the first.
    before: u32,
}

impl Found {
    /// The spans that have a hash; nothing if they are too many.
    fn having(&self, hash: u64) -> Option<impl Iterator<Item = u32>> {
        let list = self.by_hash.find(hash, |list| list.hash == hash);
        let entries = list.map_or(0, |list| list.count);
        let mut next = list.map_or(0, |list| list.last);
        (entries <= MAX_ALIKE).then(|| {
            (0..entries).map(move |_| {
                let Entry { span, before } = self.entries[next as usize];
                next = before;
                span
            })
        })
    }

    fn note(&mut self, hash: u64, span: u32) {
        let last = self.entries.len() as u32;
        let list = self.by_hash.entry(hash, |list| list.hash == hash, |list| list.hash);
        let before = match list {
            hashbrown::hash_table::Entry::Vacant(vacant) => {
                vacant.insert(List { hash, last, count: 1 });
                last
            }
            hashbrown::hash_table::Entry::Occupied(mut list) => {
                let list = list.get_mut();
                list.count = (list.count + 1).min(MAX_ALIKE + 1);
                if list.count > MAX_ALIKE {
                    return;
                }
                std::mem::replace(&mut list.last, last)
            }
        };
        self.entries.push(Entry { span, before });
    }

    /// Forgets spans from this one on.
    fn take_back(&mut self, span: u32) {
        let left = self.entries.partition_point(|entry| entry.span < span);
        self.by_hash.retain(|list| {
            let entries = list.count.min(MAX_ALIKE);
            let mut taken = 0;
            while taken < entries && list.last as usize >= left {
                list.last = self.entries[list.last as usize].before;
                taken += 1;
            }
            if taken > 0 {
                list.count = entries - taken;
            }
            list.count > 0
        });
        self.entries.truncate(left);
    }
}

impl SpanIndex {
    /// The sequence of what comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The spans that one may be of one call with; nothing if they are too many to tell.
    pub fn find(&self, organization: OrganizationId, span: &KeptSpan, seen: &SeenIds) -> Option<Vec<Place>> {
        let mut found = Vec::new();
        for generation in self.generations.iter().filter(|of| of.ended >= seen.oldest_kept()) {
            let of = |at: u32| &generation.spans[at as usize];
            for hash in asked_by(organization, span) {
                found.extend(generation.found.having(hash)?.map(|at| of(at).0));
            }
            for hash in asked_by_content(organization, span) {
                let may_be = generation.found.having(hash)?.map(of).filter(|of| span.observed.may_be_one_with(&of.1));
                found.extend(may_be.map(|of| of.0));
            }
        }
        Some(found)
    }

    fn add(&mut self, arrival: Hour, place: Place, span: &KnownSpan<'_>) {
        let is_over = |of: &Generation| {
            of.spans.len() >= GENERATION_CALLS || arrival.0.saturating_sub(of.began.0) >= GENERATION_HOURS
        };
        if self.generations.back().is_none_or(is_over) {
            let first = place.sequence();
            self.generations.push_back(Generation { first, began: arrival, ..Generation::default() });
        }
        let generation = self.generations.back_mut().expect("there is one");
        generation.ended = generation.ended.max(arrival);
        let at = generation.spans.len() as u32;
        generation.spans.push((place, span.span.observed));
        for hash in known_by(span.organization, &span.span) {
            generation.found.note(hash, at);
        }
    }

    /// Forgets what was not written after all.
    pub fn take_back(&mut self, next: u64) {
        for generation in &mut self.generations {
            if self.next > next {
                let left = generation.spans.partition_point(|(place, _)| place.sequence() < next);
                generation.spans.truncate(left);
                generation.found.take_back(left as u32);
            }
        }
        self.next = next;
    }

    /// The first sequence to keep, if there are generations to drop.
    pub fn droppable(&self, seen: &SeenIds) -> Option<u64> {
        let mut calls: usize = self.generations.iter().map(|of| of.spans.len()).sum();
        let mut kept = None;
        for (at, generation) in self.generations.iter().enumerate() {
            calls -= generation.spans.len();
            if generation.ended >= seen.oldest_kept() && calls < CALLS {
                break;
            }
            kept = Some(self.generations.get(at + 1).map_or(self.next, |next| next.first));
        }
        kept
    }

    /// Drops generations after [`Writer::drop_spans`].
    pub fn dropped(&mut self, first: u64) {
        self.generations.retain(|generation| generation.first >= first);
    }
}

/// The spans that are kept, as far as they were read, with what is to be written.
pub struct Spans<'w> {
    table: Table<'w, Bytes, Bytes>,
    read: BTreeMap<u64, (Hour, Vec<KnownSpan<'static>>)>,
    changed: HashSet<u64>,
}

impl Spans<'_> {
    pub fn get(&mut self, place: Place) -> Result<&KnownSpan<'static>, StoreError> {
        let sequence = place.sequence();
        if !self.read.contains_key(&sequence) {
            let key = keys::spans(sequence);
            let value = self.table.get(&key[..])?.ok_or_else(|| damaged("spans that are known are not there"))?;
            let spans = decode(&key, value.value())?;
            drop(value);
            self.read.insert(sequence, spans);
        }
        self.read[&sequence].1.get(place.at()).ok_or_else(|| damaged("a span that is known is not there"))
    }

    /// Notes what stands under the id of a span that was read.
    pub fn set(&mut self, place: Place, ours: Option<Hour>, counted: Option<Counted>) {
        let span = self.read.get_mut(&place.sequence()).and_then(|(_, spans)| spans.get_mut(place.at()));
        if let Some(span) = span
            && (span.ours, span.counted) != (ours, counted)
        {
            (span.ours, span.counted) = (ours, counted);
            self.changed.insert(place.sequence());
        }
    }

    /// Writes what was noted.
    pub fn write(&mut self) -> Result<(), StoreError> {
        for sequence in self.changed.drain() {
            let (key, (arrival, spans)) = (keys::spans(sequence), &self.read[&sequence]);
            self.table.insert(&key[..], &encode(&key, *arrival, spans)[..])?;
        }
        Ok(())
    }

    /// Keeps spans that have just arrived.
    pub fn keep(&mut self, index: &mut SpanIndex, seen: &SeenIds, spans: &[KnownSpan<'_>]) -> Result<(), StoreError> {
        let arrival = seen.arrival_hour();
        let mut rest = spans;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take_while(|of| {
                bytes += bytes_of(of);
                bytes <= VALUE_BYTES
            });
            let (now, later) = rest.split_at(fits.count().max(1));
            let (sequence, key) = (index.next, keys::spans(index.next));
            self.table.insert(&key[..], &encode(&key, arrival, now)[..])?;
            index.next += 1;
            for (at, span) in now.iter().enumerate() {
                index.add(arrival, Place::new(sequence, at), span);
            }
            rest = later;
        }
        Ok(())
    }
}

impl Writer {
    pub fn spans(&self) -> Result<Spans<'_>, StoreError> {
        let table = self.transaction.open_table(SPANS)?;
        Ok(Spans { table, read: BTreeMap::new(), changed: HashSet::new() })
    }

    /// Removes spans before a sequence.
    pub fn drop_spans(&self, first: u64) -> Result<(), StoreError> {
        self.remove(SPANS, &keys::spans(0), &keys::spans(first))
    }

    /// Removes the spans of an organization: what they say of sums is no longer so. What is left, if there were any.
    pub fn forget_spans(&self, organization: OrganizationId) -> Result<Option<SpanIndex>, StoreError> {
        let mut table = self.transaction.open_table(SPANS)?;
        let mut left: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
        for entry in table.iter()? {
            let (key, value) = entry?;
            let (arrival, mut spans) = decode(key.value(), value.value())?;
            let all = spans.len();
            spans.retain(|span| span.organization != organization);
            if spans.len() < all {
                let value = (!spans.is_empty()).then(|| encode(key.value(), arrival, &spans));
                left.push((key.value().to_vec(), value));
            }
        }
        for (key, value) in &left {
            match value {
                Some(value) => drop(table.insert(&key[..], &value[..])?),
                None => drop(table.remove(&key[..])?),
            }
        }
        if left.is_empty() { Ok(None) } else { index(&table).map(Some) }
    }
}

impl Reader {
    /// Where the spans are.
    pub fn span_index(&self) -> Result<SpanIndex, StoreError> {
        index(&self.transaction.open_table(SPANS)?)
    }
}

fn index(table: &impl ReadableTable<Bytes, Bytes>) -> Result<SpanIndex, StoreError> {
    let mut index = SpanIndex::default();
    for entry in table.iter()? {
        let (key, value) = entry?;
        let sequence = keys::spans_sequence(key.value()).ok_or_else(|| damaged("a key of spans"))?;
        let (arrival, spans) = decode(key.value(), value.value())?;
        for (at, span) in spans.iter().enumerate() {
            index.add(arrival, Place::new(sequence, at), span);
        }
        index.next = sequence + 1;
    }
    Ok(index)
}

fn bytes_of(of: &KnownSpan<'_>) -> usize {
    // With what stands in the sums.
    8 * of.span.hashes.count() + of.span.told.len() + 104
}

fn encode(key: &[u8], arrival: Hour, spans: &[KnownSpan<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(spans.iter().map(bytes_of).sum::<usize>() + 8);
    let put = |out: &mut Vec<u8>, number: u64| put_varint(out, number.into());
    put(&mut out, arrival.0.into());
    for KnownSpan { organization, span, ours, counted } in spans {
        put(&mut out, organization.0.into());
        out.extend_from_slice(&span.id.0);
        let of = &span.hashes;
        for hashes in [of.own(), of.outer(), of.ids(), of.contents(), of.across()] {
            put(&mut out, hashes.len() as u64);
            hashes.iter().for_each(|hash| out.extend_from_slice(&hash.to_le_bytes()));
        }
        let Observed { start_nanos, end_nanos, scope } = span.observed;
        out.extend_from_slice([start_nanos, end_nanos, scope].map(u64::to_le_bytes).as_flattened());
        put(&mut out, span.told.len() as u64);
        out.extend_from_slice(&span.told);
        put(&mut out, ours.map_or(0, |hour| u64::from(hour.0) + 1));
        put(&mut out, u64::from(counted.is_some()));
        counted.iter().for_each(|counted| counted.write(&mut out));
    }
    bind(key, frame(VERSION, &out))
}

/// The spans of a value with the hour in which they came, after checking it.
pub(super) fn decode(key: &[u8], value: &[u8]) -> Result<(Hour, Vec<KnownSpan<'static>>), StoreError> {
    let wrong = || damaged("spans of calls");
    let mut at = body(VERSION, key, value)?;
    let arrival = Hour(take_varint_u32(&mut at)?);
    let mut spans = Vec::new();
    while !at.is_empty() {
        let organization = OrganizationId(take_varint_u32(&mut at)?);
        let id: &[u8; FINGERPRINT] = take(&mut at, FINGERPRINT)?.try_into().map_err(|_| wrong())?;
        let mut hashes = || -> Result<Vec<u64>, StoreError> {
            let bytes = take_varint_u32(&mut at)? as usize * 8;
            Ok(take(&mut at, bytes)?.as_chunks().0.iter().map(|hash| u64::from_le_bytes(*hash)).collect())
        };
        let hashes = SpanHashes::of(hashes()?, hashes()?, hashes()?, hashes()?, hashes()?);
        let observed = take(&mut at, 24)?.as_chunks().0;
        let [start_nanos, end_nanos, scope] = [0, 1, 2].map(|nth| u64::from_le_bytes(observed[nth]));
        let observed = Observed { start_nanos, end_nanos, scope };
        let length = take_varint_u32(&mut at)? as usize;
        let told = take(&mut at, length)?.to_vec();
        let ours = take_varint_u32(&mut at)?.checked_sub(1).map(Hour);
        let counted = match take_varint_u64(&mut at)? {
            0 => None,
            1 => Some(Counted::read(&mut at)?),
            _ => return Err(wrong()),
        };
        let span = Cow::Owned(KeptSpan { id: Fingerprint(*id), hashes, observed, told });
        spans.push(KnownSpan { organization, span, ours, counted });
    }
    if spans.is_empty() {
        return Err(wrong());
    }
    Ok((arrival, spans))
}

fn take<'a>(at: &mut &'a [u8], bytes: usize) -> Result<&'a [u8], StoreError> {
    let (taken, rest) = at.split_at_checked(bytes).ok_or_else(|| damaged("spans of calls"))?;
    *at = rest;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(of: &Found, hash: u64) -> Option<Vec<u32>> {
        of.having(hash).map(Iterator::collect)
    }

    #[test]
    fn spans_are_found_by_their_hashes_until_they_are_too_many_or_taken_back() {
        let mut of = Found::default();
        for span in 0..10 {
            of.note(1, span);
            of.note(2 + u64::from(span % 2), span);
        }
        assert_eq!(found(&of, 1), Some((0..10).rev().collect()));
        assert_eq!(found(&of, 2), Some(vec![8, 6, 4, 2, 0]));
        assert_eq!(found(&of, 9), Some(vec![]));
        (10..MAX_ALIKE).for_each(|span| of.note(1, span));
        assert_eq!(found(&of, 1).unwrap().len(), MAX_ALIKE as usize);
        (300..310).for_each(|span| of.note(1, span));
        assert_eq!(found(&of, 1), None);
        of.take_back(300);
        assert_eq!(found(&of, 1), None, "at the bound, none more");
        of.take_back(5);
        assert_eq!(found(&of, 1), Some(vec![4, 3, 2, 1, 0]));
        assert_eq!((found(&of, 2), found(&of, 3)), (Some(vec![4, 2, 0]), Some(vec![3, 1])));
        of.note(1, 5);
        assert_eq!(found(&of, 1), Some(vec![5, 4, 3, 2, 1, 0]));
        of.take_back(0);
        assert_eq!((found(&of, 1), of.by_hash.len(), of.entries.len()), (Some(vec![]), 0, 0));
    }
}
