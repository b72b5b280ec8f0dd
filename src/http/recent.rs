//! Answers given a moment ago, for whoever asks the same next: a page that a whole team opens in the morning is made
//! once.

use axum::body::Bytes;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::model::UnixMs;

/// Memory for all of them. One takes at most a chunk of [`stream`](super::stream), 1 MiB.
const CAPACITY_BYTES: u64 = 32 << 20;

/// The ETag of an answer and the second in its `asOf`: two with the same have the same bytes. And who asked, because
/// ETags are no secrets and their hash is not made to withstand somebody who looks for another's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    asker: String,
    etag: String,
    as_of_s: i64,
}

pub struct RecentAnswers(Cache<Key, Bytes, ByLength>);

#[derive(Clone)]
struct ByLength;

impl Weighter<Key, Bytes> for ByLength {
    fn weight(&self, key: &Key, answer: &Bytes) -> u64 {
        (size_of::<Key>() + key.asker.len() + key.etag.len() + answer.len()) as u64
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
    pub fn get(&self, asker: &str, etag: &str, as_of: UnixMs) -> Option<Bytes> {
        self.0.get(&key(asker, etag, as_of))
    }

    pub fn put(&self, asker: &str, etag: &str, as_of: UnixMs, answer: Bytes) {
        self.0.insert(key(asker, etag, as_of), answer);
    }
}

fn key(asker: &str, etag: &str, as_of: UnixMs) -> Key {
    Key { asker: asker.to_owned(), etag: etag.to_owned(), as_of_s: as_of.div_euclid(1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_never_another_answer() {
        let recent = RecentAnswers::default();
        recent.put("ada", "a", 1500, Bytes::from_static(b"one"));
        assert_eq!(recent.get("ada", "a", 1999).as_deref(), Some(&b"one"[..]));
        assert_eq!(recent.get("ada", "a", 2000), None, "its asOf would differ");
        assert_eq!(recent.get("ada", "b", 1500), None);
        assert_eq!(recent.get("ben", "a", 1500), None);
        for number in 0..100 {
            recent.put("ada", "large", number * 1000, vec![0; 1 << 20].into());
        }
        assert!(recent.0.weight() <= CAPACITY_BYTES);
        assert!(recent.get("ada", "large", 99_000).is_some());
    }
}
