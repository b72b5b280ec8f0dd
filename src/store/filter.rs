//! What says of nearly every id that it is new, without looking at those there are.

use crate::model::Fingerprint;

/// With 12 bits for each id and 7 of them set, it has one id in 200 that it was not given.
const BITS_OF_ID: u64 = 12;
const HASHES: u32 = 7;
/// 64-bit words in a line of the processor's cache.
const LINE_WORDS: usize = 8;

/// A Bloom filter whose bits of one id are in one line of the processor's cache.
#[derive(Debug)]
pub(super) struct Filter {
    lines: Vec<[u64; LINE_WORDS]>,
}

impl Filter {
    pub fn for_ids(ids: u64) -> Filter {
        let lines = (ids * BITS_OF_ID).div_ceil(64 * LINE_WORDS as u64);
        Filter { lines: vec![[0; LINE_WORDS]; lines as usize] }
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

    pub fn bytes(&self) -> Vec<u8> {
        self.lines.iter().flatten().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Where an id's line is, and which bits of it are the id's.
    fn place(&self, id: &Fingerprint) -> (usize, [u64; LINE_WORDS]) {
        let [a, b, c] = [0, 4, 8].map(|i| u32::from_be_bytes(id.0[i..i + 4].try_into().expect("four bytes")));
        let line = ((u64::from(b) * self.lines.len() as u64) >> 32) as usize;
        // Nine bits say which of the line's 512 bits.
        let mut bits = (u64::from(a) << 32 | u64::from(c)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut mask = [0; LINE_WORDS];
        for _ in 0..HASHES {
            mask[(bits >> 61) as usize] |= 1 << (bits >> 55 & 63);
            bits <<= 9;
        }
        (line, mask)
    }

    pub fn add(&mut self, id: &Fingerprint) {
        let (line, mask) = self.place(id);
        self.lines[line].iter_mut().zip(mask).for_each(|(word, mask)| *word |= mask);
    }

    pub fn may_have(&self, id: &Fingerprint) -> bool {
        let (line, mask) = self.place(id);
        self.lines[line].iter().zip(mask).all(|(word, mask)| word & mask == mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_every_id_of_its_own_and_few_others() {
        let id = |number: u32| Fingerprint::of(&number.to_string());
        let mut filter = Filter::for_ids(100_000);
        (0..100_000).for_each(|number| filter.add(&id(number)));
        let filter = Filter::read(&filter.bytes(), 100_000).unwrap();
        assert!((0..100_000).all(|number| filter.may_have(&id(number))));
        let others = (100_000..200_000).filter(|number| filter.may_have(&id(*number))).count();
        assert!(others < 1000, "{others} of 100000");
    }
}
