//! Finds the entries of a list by what they are.
//!
//! Entries are known by their numbers in the list, and nothing else of them is kept here but 32 bits of a hash. These
//! pairs are in small parts, sorted by hash, of which a copy shares all but those that one of the two has changed. When
//! parts have become full on average one more is made, and takes over half of another (Litwin's linear hashing). So no
//! insertion waits for all of them.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;
use imbl::Vector;

/// Entries of a part on average: half a KB, which is written anew for each that is added.
const ENTRIES: usize = 64;

#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    hasher: DefaultHashBuilder,
    parts: Vector<Arc<[Entry]>>,
    len: usize,
}

/// A hash, and the number of what has it.
type Entry = (u32, u32);

impl Index {
    /// With all entries of a list, in order of numbers: much quicker than one by one.
    pub fn of<K: Hash>(keys: impl Iterator<Item = K>) -> Index {
        let mut index = Index::default();
        let entries: Vec<Entry> = keys.zip(0..).map(|(key, number)| (index.hash(key), number)).collect();
        index.len = entries.len();
        let mut parts = vec![Vec::new(); entries.len().div_ceil(ENTRIES)];
        index.parts = parts.iter().map(|_| Arc::default()).collect();
        entries.iter().for_each(|entry| parts[index.part_of(entry.0)].push(*entry));
        index.parts = parts
            .into_iter()
            .map(|mut part| {
                part.sort_unstable();
                part.into()
            })
            .collect();
        index
    }

    /// The number of the entry that `is` the one with this key, if there is one.
    pub fn find(&self, key: impl Hash, is: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = self.hash(key);
        let part = self.parts.get(self.part_of(hash))?;
        let from = part.partition_point(|(of, _)| *of < hash);
        part[from..].iter().take_while(|(of, _)| *of == hash).map(|(_, number)| *number).find(|number| is(*number))
    }

    /// Takes in an entry that is not there yet.
    pub fn insert(&mut self, key: impl Hash, number: u32) {
        if self.len >= ENTRIES * self.parts.len() {
            self.add_part();
        }
        let hash = self.hash(key);
        let part = self.part_of(hash);
        let part = &mut self.parts[part];
        let (before, after) = part.split_at(part.partition_point(|(of, _)| *of < hash));
        *part = [before, &[(hash, number)], after].concat().into();
        self.len += 1;
    }

    fn add_part(&mut self) {
        let new = self.parts.len();
        self.parts.push_back(Arc::default());
        if new > 0 {
            // Those of the part whose number is the new one's without its highest bit.
            let old = new ^ (1 << new.ilog2());
            let entries = self.parts[old].clone();
            let (stay, go): (Vec<Entry>, Vec<Entry>) =
                entries.iter().copied().partition(|(hash, _)| self.part_of(*hash) == old);
            (self.parts[old], self.parts[new]) = (stay.into(), go.into());
        }
    }

    fn hash(&self, key: impl Hash) -> u32 {
        self.hasher.hash_one(key) as u32
    }

    /// As many low bits of a hash as there are numbers of parts, or one less for a part that is not there yet.
    fn part_of(&self, hash: u32) -> usize {
        let bits = self.parts.len().next_power_of_two() - 1;
        let part = hash as usize & bits;
        if part < self.parts.len() { part } else { part & (bits >> 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found_and_a_copy_stays_as_it_was() {
        let find = |index: &Index, number: u32| index.find(format!("name {number}"), |found| found == number);
        let (mut index, mut kept) = (Index::default(), Vec::new());
        for number in 0..20_000 {
            assert_eq!(find(&index, number), None);
            index.insert(format!("name {number}"), number);
            if number % 1999 == 0 {
                kept.push((index.clone(), number + 1));
            }
        }
        kept.push((index, 20_000));
        let whole = (0..20_000).map(|number| format!("name {number}"));
        kept.push((Index::of(whole), 20_000));
        kept.push((Index::of(std::iter::empty::<String>()), 0));
        for (index, count) in kept {
            assert!((0..count).all(|number| find(&index, number) == Some(number)));
            assert!((count..20_010).all(|number| find(&index, number).is_none()));
            let largest = index.parts.iter().map(|part| part.len()).max();
            assert!(largest < Some(4 * ENTRIES), "{largest:?}");
        }
    }
}
