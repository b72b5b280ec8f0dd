//! A list of texts that only grows, as a [`Log`] does, in hardly more than their letters: a name of a million has no
//! memory of its own.

use std::ops::Index;
use std::sync::Arc;

use super::Log;

/// Texts of a chunk: what is copied for the first text after a commit.
const CHUNK: usize = 256;

/// Texts by number, from 0.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    full: Log<Arc<Chunk>>,
    /// Those of the chunk that is not full.
    last: Arc<Chunk>,
}

#[derive(Debug, Clone, Default)]
struct Chunk {
    letters: String,
    /// Where each text ends.
    ends: Vec<usize>,
}

impl Texts {
    pub fn len(&self) -> usize {
        self.full.len() * CHUNK + self.last.ends.len()
    }

    pub fn get(&self, number: usize) -> Option<&str> {
        let (chunk, at) = (number / CHUNK, number % CHUNK);
        let chunk = match self.full.get(chunk) {
            Some(chunk) => chunk,
            None => Some(&self.last).filter(|_| chunk == self.full.len())?,
        };
        let end = *chunk.ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| chunk.ends[before]);
        Some(&chunk.letters[start..end])
    }

    pub fn push(&mut self, text: &str) {
        let last = Arc::make_mut(&mut self.last);
        last.letters.push_str(text);
        last.ends.push(last.letters.len());
        if last.ends.len() == CHUNK {
            last.letters.shrink_to_fit();
            self.full.push(std::mem::take(&mut self.last));
        }
    }
}

impl Index<usize> for Texts {
    type Output = str;

    fn index(&self, number: usize) -> &str {
        self.get(number).expect("a number that was given")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stays_as_it_was() {
        let text = |number: usize| "ä".repeat(number % 7) + &number.to_string();
        let (mut texts, mut kept) = (Texts::default(), Vec::new());
        for number in 0..3 * CHUNK + 7 {
            kept.push(texts.clone());
            texts.push(&text(number));
        }
        kept.push(texts);
        for (len, texts) in kept.into_iter().enumerate() {
            assert_eq!((texts.len(), texts.get(len), texts.get(len + CHUNK)), (len, None, None));
            assert!((0..len).all(|number| texts[number] == text(number)));
        }
    }
}
