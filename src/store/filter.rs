//! What says of nearly every id that it is new, without looking at those there are.

use crate::model::Fingerprint;

/// With 12 bits for each id and 5 of them set, it has one id in 190 that it was not given. With more bits set that would
/// be hardly fewer, and more once it is halved.
const BITS_OF_ID: u64 = 12;
const HASHES: u32 = 5;
/// 64-bit words in a line of the processor's cache.
const LINE_WORDS: usize = 8;
/// Lines in one value, which ends just below four pages of the store.
const CHUNK_LINES: usize = 254;

/// A Bloom filter whose bits of one id are in one line of the processor's cache.
#[derive(Debug)]
pub(super) struct Filter {
    lines: Vec<[u64; LINE_WORDS]>,
    /// Lines it was made with.
    whole: u64,
    /// How often two lines next to each other became one. Each time it takes half the memory, and has more ids that it
    /// was not given: one in 190 becomes one in 17, then one in 3.
    halvings: u32,
}

impl Filter {
    pub fn for_ids(ids: u64) -> Filter {
        let whole = (ids * BITS_OF_ID).div_ceil(64 * LINE_WORDS as u64);
        Filter { lines: vec![[0; LINE_WORDS]; whole as usize], whole, halvings: 0 }
    }

    /// A filter of so many ids, unless it is one of another number.
    pub fn read(bytes: &[u8], ids: u64) -> Option<Filter> {
        let mut filter = Filter::for_ids(ids);
        let (words, rest) = bytes.as_chunks();
        let words = words.iter().map(|word| u64::from_le_bytes(*word));
        if !rest.is_empty() || words.len() != LINE_WORDS * filter.lines.len() {
            return None;
        }
        filter.lines.as_flattened_mut().iter_mut().zip(words).for_each(|(into, word)| *into = word);
        Some(filter)
    }

    /// Its bytes, in the values that they are kept in, from one of these on.
    pub fn chunks_from(&self, first: usize) -> impl Iterator<Item = Vec<u8>> {
        let bytes = |lines: &[[u64; LINE_WORDS]]| lines.iter().flatten().flat_map(|word| word.to_le_bytes()).collect();
        // Skipped as lines: what is before is not made into bytes.
        self.lines.chunks(CHUNK_LINES).skip(first).map(bytes)
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.lines[..])
    }

    /// Makes it half as long, if it can be. It still has every id that it was given.
    pub fn halve(&mut self) -> bool {
        if self.lines.len() < 2 {
            return false;
        }
        let both = |pair: &[[u64; LINE_WORDS]]| match pair {
            [a, b] => std::array::from_fn(|i| a[i] | b[i]),
            rest => rest[0],
        };
        self.lines = self.lines.chunks(2).map(both).collect();
        self.halvings += 1;
        true
    }

    fn line(&self, probe: &Probe) -> usize {
        ((u64::from(probe.line) * self.whole) >> 32 >> self.halvings) as usize
    }

    pub fn add(&mut self, probe: &Probe) {
        let line = self.line(probe);
        probe.places().for_each(|(word, bit)| self.lines[line][word] |= bit);
    }

    pub fn may_have(&self, probe: &Probe) -> bool {
        let line = &self.lines[self.line(probe)];
        // All bits, though the first mostly says that an id is new: nobody can foresee which, and a processor that goes
        // the wrong way waits for this line before it asks for the next.
        probe.places().fold(true, |have, (word, bit)| have & (line[word] & bit != 0))
    }
}

/// What is looked at for an id, in whatever filter.
pub(super) struct Probe {
    /// The line, as a share of 2^32. Ids in order have their lines in order, so a merge adds them one after the other.
    line: u32,
    /// Nine bits each say which of the line's 512 bits.
    bits: u64,
}

impl Probe {
    pub fn of(id: &Fingerprint) -> Probe {
        let [a, b, c] = [0, 4, 8].map(|i| u32::from_be_bytes(id.0[i..i + 4].try_into().expect("four bytes")));
        Probe { line: a, bits: (u64::from(b) << 32 | u64::from(c)).wrapping_mul(0x9E37_79B9_7F4A_7C15) }
    }

    fn places(&self) -> impl Iterator<Item = (usize, u64)> {
        (0..HASHES).map(|i| {
            let bits = self.bits << (9 * i);
            ((bits >> 61) as usize, 1 << (bits >> 55 & 63))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_every_id_of_its_own_and_few_others() {
        let id = |number: u32| Fingerprint::of(&number.to_string());
        let mut filter = Filter::for_ids(100_000);
        (0..100_000).for_each(|number| filter.add(&Probe::of(&id(number))));
        let filter = Filter::read(&filter.chunks_from(0).collect::<Vec<_>>().concat(), 100_000).unwrap();
        assert!((0..100_000).all(|number| filter.may_have(&Probe::of(&id(number)))));
        let others = (100_000..200_000).filter(|number| filter.may_have(&Probe::of(&id(*number)))).count();
        assert!(others < 1000, "{others} of 100000");
    }

    #[test]
    fn a_filter_that_was_halved_has_every_id_of_its_own() {
        let id = |number: u32| Fingerprint::of(&number.to_string());
        for ids in [1, 43, 5000, 9999] {
            let mut filter = Filter::for_ids(ids.into());
            (0..ids).for_each(|number| filter.add(&Probe::of(&id(number))));
            let mut lines = filter.bytes() / 64;
            while filter.halve() {
                lines = lines.div_ceil(2);
                assert_eq!(filter.bytes(), 64 * lines);
                assert!((0..ids).all(|number| filter.may_have(&Probe::of(&id(number)))));
            }
            assert_eq!(lines, 1);
        }
        let mut filter = Filter::for_ids(100_000);
        (0..100_000).for_each(|number| filter.add(&Probe::of(&id(number))));
        let shares = [0.006, 0.065, 0.38].map(|most| {
            let others = (100_000..200_000).filter(|number| filter.may_have(&Probe::of(&id(*number)))).count();
            filter.halve();
            (others as f64 / 1e5, most)
        });
        assert!(shares.iter().all(|(share, most)| share < most), "{shares:?}");
    }
}
