//! A list that only grows, and that costs next to nothing to keep as it was.
//!
//! Each commit with a new name is a version of its own, which readers keep for as long as they like. A copy shares all
//! but the last chunk with what it was made from, whatever the length.

use std::ops::Index;
use std::sync::Arc;

/// Entries of a chunk: what is copied for the first entry after a commit.
const CHUNK: usize = 1024;

/// A list by number, from 0.
#[derive(Debug, Clone)]
pub struct Log<T> {
    full: Arc<Vec<Arc<Vec<T>>>>,
    /// Those of the chunk that is not full.
    last: Arc<Vec<T>>,
}

impl<T> Default for Log<T> {
    fn default() -> Log<T> {
        Log { full: Arc::default(), last: Arc::default() }
    }
}

impl<T> Log<T> {
    pub fn len(&self) -> usize {
        self.full.len() * CHUNK + self.last.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub fn get(&self, number: usize) -> Option<&T> {
        match self.full.get(number / CHUNK) {
            Some(chunk) => chunk.get(number % CHUNK),
            None => self.last.get(number.checked_sub(self.full.len() * CHUNK)?),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.full.iter().chain([&self.last]).flat_map(|chunk| chunk.iter())
    }
}

impl<T: Clone> Log<T> {
    pub fn push(&mut self, value: T) {
        let last = Arc::make_mut(&mut self.last);
        last.push(value);
        if last.len() == CHUNK {
            Arc::make_mut(&mut self.full).push(std::mem::take(&mut self.last));
        }
    }

    /// Puts another value in the place of one that is there.
    pub fn set(&mut self, number: usize, value: T) {
        let chunk = match number.checked_sub(self.full.len() * CHUNK) {
            None => &mut Arc::make_mut(&mut self.full)[number / CHUNK],
            Some(_) => &mut self.last,
        };
        Arc::make_mut(chunk)[number % CHUNK] = value;
    }
}

impl<T> Index<usize> for Log<T> {
    type Output = T;

    #[inline]
    fn index(&self, number: usize) -> &T {
        self.get(number).expect("a number that was given")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stays_as_it_was() {
        let mut log = Log::default();
        let mut plain = Vec::new();
        let mut kept = Vec::new();
        for number in 0..3 * CHUNK + 7 {
            log.push(number);
            plain.push(number);
            if number % 500 == 3 {
                log.set(number / 2, number + 1);
                plain[number / 2] = number + 1;
            }
            if number % 300 == 0 {
                kept.push((log.clone(), plain.clone()));
            }
        }
        kept.push((log, plain));
        for (log, plain) in kept {
            assert_eq!((log.len(), log.get(log.len())), (plain.len(), None));
            assert!(log.iter().eq(&plain));
            assert!((0..plain.len()).all(|number| log[number] == plain[number]));
        }
    }
}
