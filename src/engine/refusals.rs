//! Decisions that somebody may want to know the reasons of, on their way to the store. Whoever decides only takes note of
//! them here, in memory; the writer writes them together with other things, a few seconds later at most.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::Fingerprint;
use crate::store::{DecisionEntry, DecisionMark};

/// How long the same that is asked again is one entry.
const TOGETHER_MS: i64 = 60_000;
/// Entries in memory until they are written, and those that may still grow: a thousand calls a second that have nothing
/// in common. What comes beyond them is counted, and told by nothing else.
const NOTED: usize = 4096;
/// Days that entries are kept.
pub const DECISION_DAYS: u32 = 14;

/// What was decided of late.
#[derive(Debug, Default)]
pub(super) struct Noted(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// The latest of each kind, which grows while it is young.
    latest: HashMap<(String, Fingerprint), DecisionEntry>,
    unwritten: HashMap<(String, DecisionMark), DecisionEntry>,
    left_out: u64,
}

/// Entries by organization.
pub(super) type Unwritten = HashMap<String, Vec<DecisionEntry>>;

impl Noted {
    pub fn note(&self, organization_id: &str, mut entry: DecisionEntry) {
        let (now, told_apart) = (entry.at, entry.told_apart());
        let key = (organization_id.to_owned(), told_apart);
        let mut noted = self.entries();
        let known = noted.latest.get(&key);
        if let Some(known) = known.filter(|known| (known.at..known.at + TOGETHER_MS).contains(&now)) {
            (entry.at, entry.last_at) = (known.at, known.last_at.max(now));
            entry.times = known.times.saturating_add(entry.times);
        }
        let mark = DecisionMark { at: entry.at, told_apart };
        let is_there = noted.unwritten.contains_key(&(key.0.clone(), mark));
        if noted.unwritten.len() >= NOTED && !is_there {
            noted.left_out += 1;
            return;
        }
        noted.unwritten.insert((key.0.clone(), mark), entry.clone());
        if noted.latest.len() >= NOTED {
            noted.latest.retain(|_, known| (known.at..known.at + TOGETHER_MS).contains(&now));
        }
        // Where there are too many kinds at once, each call is an entry.
        if noted.latest.len() < NOTED || noted.latest.contains_key(&key) {
            noted.latest.insert(key, entry);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.entries().unwritten.is_empty()
    }

    pub fn left_out(&self) -> u64 {
        self.entries().left_out
    }

    /// Hands over what is to be written.
    pub fn take(&self) -> Unwritten {
        let mut taken = Unwritten::new();
        for ((organization, _), entry) in self.entries().unwritten.drain() {
            taken.entry(organization).or_default().push(entry);
        }
        taken
    }

    /// Takes back what could not be written. What has grown since stays.
    pub fn put_back(&self, taken: Unwritten) {
        let mut noted = self.entries();
        for (organization, entries) in taken {
            for entry in entries {
                if noted.unwritten.len() < NOTED {
                    noted.unwritten.entry((organization.clone(), entry.mark())).or_insert(entry);
                }
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixMs;

    fn entry(at: UnixMs, api_key_id: &str) -> DecisionEntry {
        DecisionEntry {
            at,
            last_at: at,
            times: 1,
            decision_id: format!("dec_{at}"),
            is_allowed: false,
            api_key_id: api_key_id.to_owned(),
            user_id: None,
            project_id: None,
            model: None,
            provider: None,
            reasons: Vec::new(),
        }
    }

    /// What is taken, as first and last moment and how often, in order.
    fn taken(noted: &Noted) -> Vec<(UnixMs, UnixMs, u64)> {
        let entries = noted.take().into_values().flatten();
        let mut found: Vec<_> = entries.map(|entry| (entry.at, entry.last_at, entry.times)).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn the_same_again_is_one_entry_for_a_minute_whenever_it_is_written() {
        let noted = Noted::default();
        for at in [1000, 1001, 60_999] {
            noted.note("acme", entry(at, "k"));
        }
        noted.note("acme", entry(1001, "other"));
        noted.note("beta", entry(1001, "k"));
        assert_eq!(taken(&noted), [(1000, 60_999, 3), (1001, 1001, 1), (1001, 1001, 1)]);
        assert!(noted.is_empty());
        // What is written grows in its place; a minute later, or before the clock went back, it is another.
        noted.note("acme", entry(2000, "k"));
        noted.note("acme", entry(61_000, "k"));
        noted.note("acme", entry(500, "k"));
        assert_eq!(taken(&noted), [(500, 500, 1), (1000, 60_999, 4), (61_000, 61_000, 1)]);
    }

    #[test]
    fn what_could_not_be_written_is_kept_as_it_has_become() {
        let noted = Noted::default();
        noted.note("acme", entry(1000, "k"));
        noted.note("acme", entry(1000, "other"));
        let unwritten = noted.take();
        noted.note("acme", entry(1500, "k"));
        noted.put_back(unwritten);
        assert_eq!(taken(&noted), [(1000, 1000, 1), (1000, 1500, 2)]);
    }

    #[test]
    fn a_flood_takes_no_more_memory_and_is_counted() {
        let noted = Noted::default();
        for number in 0..NOTED as i64 + 10 {
            noted.note("acme", entry(1000, &number.to_string()));
        }
        noted.note("acme", entry(1001, "0"));
        assert_eq!(noted.left_out(), 10);
        assert_eq!(taken(&noted).len(), NOTED);
        // What was told apart then has made room a minute later.
        noted.note("acme", entry(99_000, "new"));
        assert!(noted.entries().latest.len() < 5);
    }
}
