//! Answers given a moment ago, for whoever asks the same next: a page that a whole team opens in the morning is made
//! once.

use axum::body::Bytes;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::model::UnixMs;

/// Memory for all of them. One takes at most a chunk of [`stream`](super::stream), 1 MiB.
const CAPACITY_BYTES: u64 = 32 << 20;

/// The ETag of an answer and the second in its `asOf`: two with the same have the same bytes.
type Key = (String, UnixMs);

pub struct RecentAnswers(Cache<Key, Bytes, ByLength>);

#[derive(Clone)]
struct ByLength;

impl Weighter<Key, Bytes> for ByLength {
    fn weight(&self, (etag, _): &Key, answer: &Bytes) -> u64 {
        (size_of::<Key>() + etag.len() + answer.len()) as u64
    }
}

impl Default for RecentAnswers {
    fn default() -> RecentAnswers {
        // In one piece, whatever the number of processors: several would each hold a few large answers only.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(256)
            .weight_capacity(CAPACITY_BYTES)
            .shards(1)
            .build()
            .expect("all that must be given is given");
        RecentAnswers(Cache::with_options(
            options,
            ByLength,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        ))
    }
}

impl RecentAnswers {
    pub fn get(&self, etag: &str, as_of: UnixMs) -> Option<Bytes> {
        self.0.get(&key(etag, as_of))
    }

    pub fn put(&self, etag: &str, as_of: UnixMs, answer: Bytes) {
        self.0.insert(key(etag, as_of), answer);
    }
}

fn key(etag: &str, as_of: UnixMs) -> Key {
    (etag.to_owned(), as_of.div_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_never_another_answer() {
        let recent = RecentAnswers::default();
        recent.put("a", 1500, Bytes::from_static(b"one"));
        assert_eq!(recent.get("a", 1999).as_deref(), Some(&b"one"[..]));
        assert_eq!(recent.get("a", 2000), None, "its asOf would differ");
        assert_eq!(recent.get("b", 1500), None);
        for number in 0..100 {
            recent.put("large", number * 1000, vec![0; 1 << 20].into());
        }
        assert!(recent.0.weight() <= CAPACITY_BYTES);
        assert!(recent.get("large", 99_000).is_some());
    }
}
