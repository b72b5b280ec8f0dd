//! Decisions on calls that somebody may want to know the reasons of: those that were refused, and those that would have
//! been.
//!
//! ```text
//! key     organization UTF-8 | NUL | when it began u64, ms | 12 bytes of the hash of what tells it apart
//! value   a frame (see `store::packed`) around a record: the entry
//! ```
//!
//! What is asked and refused again and again is one entry while it is less than a minute old. An entry is written anew as
//! it grows. An organization has so many entries at most, and the oldest go first.

use std::ops::Range;

use redb::ReadableTable;

use super::packed::{bind, body, frame};
use super::record::{self, Decode, Encode};
use super::{DECISIONS, Reader, StoreError, Writer, damaged};
use crate::model::{Fingerprint, UnixMs};

const VERSION: u8 = 1;
/// Entries of an organization: some seven hundred for each day that they are kept, of a few hundred bytes each.
pub const DECISION_ENTRIES: usize = 10_000;
/// What comes after the organization's name.
const TAIL_OF_KEY: usize = 1 + 8 + 12;

/// A call that was asked about, or the same asked about several times.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DecisionEntry {
    /// The first and the last time, and how often.
    pub at: UnixMs,
    pub last_at: UnixMs,
    pub times: u64,
    /// The last one's.
    pub decision_id: String,
    pub is_allowed: bool,
    pub api_key_id: String,
    pub user_id: Option<String>,
    pub project_id: Option<String>,
    pub model: Option<String>,
    pub provider: Option<String>,
    pub reasons: Vec<DecisionReason>,
}

/// Why, the last time.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DecisionReason {
    pub code: String,
    pub message: String,
    pub budget_id: Option<String>,
    pub policy_id: Option<String>,
    pub resets_at: Option<String>,
}

/// Where an entry is among those of its organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DecisionMark {
    pub at: UnixMs,
    pub told_apart: Fingerprint,
}

impl DecisionEntry {
    /// What it has in common with those that are one with it.
    pub fn told_apart(&self) -> Fingerprint {
        let Self { is_allowed, api_key_id, user_id, project_id, model, provider, .. } = self;
        let reasons = self.reasons.iter().map(|reason| (&reason.code, &reason.budget_id, &reason.policy_id));
        let reasons: Vec<_> = reasons.collect();
        Fingerprint::of_bytes(&record::encode(&(is_allowed, api_key_id, user_id, project_id, model, provider, reasons)))
    }

    pub fn mark(&self) -> DecisionMark {
        DecisionMark { at: self.at, told_apart: self.told_apart() }
    }
}

fn key(organization: &str, DecisionMark { at, told_apart }: DecisionMark) -> Vec<u8> {
    let mut key = start_of(organization, at);
    key.extend(told_apart.0);
    key
}

/// What keys of entries from a moment on begin with. Clocks of before 1970 are no clocks.
fn start_of(organization: &str, at: UnixMs) -> Vec<u8> {
    let mut key = organization.as_bytes().to_vec();
    key.push(0);
    key.extend((at.max(0) as u64).to_be_bytes());
    key
}

/// The organization of a key; `None` when it is none of this table.
fn organization_of(key: &[u8]) -> Option<&str> {
    let (organization, tail) = key.split_at_checked(key.len().checked_sub(TAIL_OF_KEY)?)?;
    let organization = std::str::from_utf8(organization).ok()?;
    (tail[0] == 0 && !organization.is_empty() && !organization.contains('\0')).then_some(organization)
}

fn decode(key: &[u8], value: &[u8]) -> Result<DecisionEntry, StoreError> {
    record::decode(body(VERSION, key, value)?)
}

/// Checks one entry of the table.
pub(super) fn check(at: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let organization = organization_of(at).ok_or_else(|| damaged("it is no key of a decision"))?;
    let entry = decode(at, value)?;
    if entry.times == 0 || entry.last_at < entry.at || key(organization, entry.mark()) != at {
        return Err(damaged("a decision that was never made, or stands in another's place"));
    }
    Ok(())
}

impl Reader {
    /// Calls `visit` with the entries of an organization that began in a stretch of time, the latest first, for as long as
    /// it says so; of those before a mark, if there is one.
    pub fn decisions(
        &self,
        organization: &str,
        time: Range<UnixMs>,
        before: Option<DecisionMark>,
        mut visit: impl FnMut(DecisionEntry) -> bool,
    ) -> Result<(), StoreError> {
        let start = start_of(organization, time.start);
        let end = start_of(organization, time.end);
        let end = before.map_or(end.clone(), |before| key(organization, before).min(end));
        if start >= end {
            return Ok(());
        }
        for entry in self.transaction.open_table(DECISIONS)?.range::<&[u8]>(&start[..]..&end[..])?.rev() {
            let (key, value) = entry?;
            if !visit(decode(key.value(), value.value())?) {
                break;
            }
        }
        Ok(())
    }

    /// The organizations that have entries of before a moment of each, with that moment. `before` is given when the newest
    /// began as well.
    pub fn decisions_before(
        &self,
        before: impl Fn(&str, UnixMs) -> UnixMs,
    ) -> Result<Vec<(String, UnixMs)>, StoreError> {
        let table = self.transaction.open_table(DECISIONS)?;
        let (mut found, mut next) = (Vec::new(), Vec::new());
        while let Some(entry) = table.range::<&[u8]>(&next[..]..)?.next() {
            let (oldest, value) = entry?;
            let of = organization_of(oldest.value()).ok_or_else(|| damaged("a key of a decision"))?.to_owned();
            // No name has a NUL in it, so this is past all of this one.
            next = [of.as_bytes(), &[1]].concat();
            let newest = table.range::<&[u8]>(&start_of(&of, 0)[..]..&next[..])?.next_back().transpose()?;
            let newest = match &newest {
                Some((key, value)) => decode(key.value(), value.value())?.at,
                None => decode(oldest.value(), value.value())?.at,
            };
            let before = before(&of, newest);
            if decode(oldest.value(), value.value())?.at < before {
                found.push((of, before));
            }
        }
        Ok(found)
    }
}

impl Writer {
    /// Writes entries of an organization, each in the place of what it was before, and removes the oldest beyond what it
    /// may have.
    pub fn put_decisions<'e>(
        &self,
        organization: &str,
        entries: impl IntoIterator<Item = &'e DecisionEntry>,
    ) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(DECISIONS)?;
        for entry in entries {
            let key = key(organization, entry.mark());
            self.touch_record(DECISIONS, &key);
            table.insert(&key[..], &bind(&key, frame(VERSION, &record::encode(entry)))[..])?;
        }
        let (start, end) = (start_of(organization, 0), start_of(organization, UnixMs::MAX));
        let too_many = table.range::<&[u8]>(&start[..]..&end[..])?.count().saturating_sub(DECISION_ENTRIES);
        let oldest = table.range::<&[u8]>(&start[..]..&end[..])?.take(too_many);
        let oldest: Vec<Vec<u8>> =
            oldest.map(|entry| Ok(entry?.0.value().to_vec())).collect::<Result<_, StoreError>>()?;
        for key in oldest {
            self.touch_record(DECISIONS, &key);
            table.remove(&key[..])?;
        }
        Ok(())
    }

    /// Removes an organization's entries of before a moment.
    pub fn forget_decisions(&self, organization: &str, before: UnixMs) -> Result<(), StoreError> {
        self.remove(DECISIONS, &start_of(organization, 0), &start_of(organization, before))
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::super::Store;
    use super::*;

    fn entry(at: UnixMs, api_key_id: &str) -> DecisionEntry {
        let reason = DecisionReason {
            code: "budgetExceeded".into(),
            message: "nothing is left".into(),
            budget_id: Some("b".into()),
            policy_id: None,
            resets_at: None,
        };
        DecisionEntry {
            at,
            last_at: at + 5,
            times: 2,
            decision_id: "dec_1".into(),
            is_allowed: false,
            api_key_id: api_key_id.into(),
            user_id: None,
            project_id: Some("p".into()),
            model: Some("m".into()),
            provider: None,
            reasons: vec![reason],
        }
    }

    fn put(store: &Store, organization: &str, entries: &[DecisionEntry]) {
        let writer = store.begin().unwrap();
        writer.put_decisions(organization, entries).unwrap();
        writer.commit().unwrap();
    }

    fn found(store: &Store, organization: &str, time: Range<UnixMs>, before: Option<DecisionMark>) -> Vec<UnixMs> {
        let mut found = Vec::new();
        let visit = |entry: DecisionEntry| {
            found.push(entry.at);
            found.len() < 3
        };
        store.reader().unwrap().decisions(organization, time, before, visit).unwrap();
        found
    }

    #[test]
    fn entries_are_read_from_the_latest_on_and_grow_in_their_place() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        let all = [entry(1000, "a"), entry(2000, "a"), entry(3000, "b"), entry(4000, "b")];
        put(&store, "acme", &all);
        put(&store, "acm", &[entry(1500, "x")]);
        put(&store, "acme", &[DecisionEntry { times: 9, last_at: 5000, ..all[1].clone() }]);
        assert_eq!(found(&store, "acme", 0..i64::MAX, None), [4000, 3000, 2000]);
        assert_eq!(found(&store, "acme", 0..i64::MAX, Some(all[1].mark())), [1000]);
        assert_eq!(found(&store, "acme", 1001..4000, None), [3000, 2000]);
        assert!(found(&store, "acme", i64::MIN..i64::MAX, Some(all[0].mark())).is_empty());
        assert!(found(&store, "acme2", 0..i64::MAX, None).is_empty());
        let mut grown = None;
        let visit = |entry| {
            grown = Some(entry);
            false
        };
        store.reader().unwrap().decisions("acme", 2000..2001, None, visit).unwrap();
        assert_eq!(grown.map(|entry: DecisionEntry| (entry.times, entry.last_at)), Some((9, 5000)));
        assert!(store.reader().unwrap().verify(&mut |_, _| ()).is_ok());

        let old = store.reader().unwrap().decisions_before(|_, newest| newest - 1000).unwrap();
        assert_eq!(old, [("acme".to_owned(), 3000)]);
        let writer = store.begin().unwrap();
        writer.forget_decisions("acme", 3000).unwrap();
        writer.commit().unwrap();
        assert_eq!(found(&store, "acme", 0..i64::MAX, None), [4000, 3000]);
        assert_eq!(found(&store, "acm", 0..i64::MAX, None), [1500]);
    }

    #[test]
    fn the_oldest_make_room() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        let many: Vec<DecisionEntry> = (0..DECISION_ENTRIES as i64 + 5).map(|at| entry(at, "a")).collect();
        put(&store, "acme", &many[..20]);
        put(&store, "acme", &many[20..]);
        let mut left = 0;
        let mut oldest = i64::MAX;
        let visit = |entry: DecisionEntry| {
            (left, oldest) = (left + 1, entry.at);
            true
        };
        store.reader().unwrap().decisions("acme", 0..i64::MAX, None, visit).unwrap();
        assert_eq!((left, oldest), (DECISION_ENTRIES, 5));
    }

    #[test]
    fn entries_that_are_not_what_was_written_are_damage() {
        let entry = entry(1000, "a");
        let key = key("acme", entry.mark());
        let value = bind(&key, frame(VERSION, &record::encode(&entry)));
        assert!(check(&key, &value).is_ok());
        for byte in 0..value.len() {
            let mut changed = value.clone();
            changed[byte] ^= 1;
            assert!(check(&key, &changed).is_err(), "byte {byte}");
        }
        let elsewhere = super::key("acme", DecisionMark { at: 1001, ..entry.mark() });
        assert!(check(&elsewhere, &bind(&elsewhere, bind(&key, value.clone()))).is_err(), "another's place");
        assert!(check(b"acme", &value).is_err());
        let never = DecisionEntry { times: 0, ..entry };
        assert!(check(&key, &bind(&key, frame(VERSION, &record::encode(&never)))).is_err());
    }
}
