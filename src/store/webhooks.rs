//! What receivers of webhooks have acknowledged, so that a restart neither loses an event nor needlessly repeats one.
//!
//! ```text
//! key     "webhook " | webhook, type of event: `finance usage.day`
//! value   a frame (see `store::packed`) around a record: first days of what was acknowledged, percentages
//! ```
//!
//! It is in `meta`, because it is a few entries that nothing else reads.

use std::collections::BTreeMap;

use super::packed::{bind, body, frame};
use super::{META, Reader, StoreError, Writer, record};

const PREFIX: &[u8] = b"webhook ";
const VERSION: u8 = 1;

/// By the first day of a day or month (`YYYY-MM-DD`): the highest percentage acknowledged, which is 100 of a day.
pub type Acknowledged = BTreeMap<String, u32>;

fn key(stream: &str) -> Vec<u8> {
    [PREFIX, stream.as_bytes()].concat()
}

fn decode(key: &[u8], value: &[u8]) -> Result<Acknowledged, StoreError> {
    record::decode(body(VERSION, key, value)?)
}

/// Checks an entry of `meta` if it is one of these.
pub(super) fn check(key: &[u8], value: &[u8]) -> Option<Result<(), StoreError>> {
    key.starts_with(PREFIX).then(|| decode(key, value).map(drop))
}

impl Reader {
    /// What was acknowledged of a webhook's events of one type; empty when there is no record yet.
    pub fn acknowledged(&self, stream: &str) -> Result<Acknowledged, StoreError> {
        let key = key(stream);
        let value = self.transaction.open_table(META)?.get(&key[..])?;
        value.map_or(Ok(Acknowledged::new()), |value| decode(&key, value.value()))
    }
}

impl Writer {
    /// Puts it in the place of what was known.
    pub fn put_acknowledged(&self, stream: &str, acknowledged: &Acknowledged) -> Result<(), StoreError> {
        let key = key(stream);
        let value = bind(&key, frame(VERSION, &record::encode(acknowledged)));
        self.transaction.open_table(META)?.insert(&key[..], &value[..])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::super::Store;
    use super::*;

    fn put(store: &Store, stream: &str, acknowledged: &Acknowledged) {
        let writer = store.begin().unwrap();
        writer.put_acknowledged(stream, acknowledged).unwrap();
        writer.commit().unwrap();
    }

    #[test]
    fn each_stream_has_its_own_record_and_the_last_one_counts() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        let [one, two] = [50, 80].map(|percent| Acknowledged::from([("2026-06-01".to_owned(), percent)]));
        put(&store, "a budget.reached", &one);
        put(&store, "a budget.reached", &two);
        put(&store, "b budget.reached", &one);
        let reader = store.reader().unwrap();
        assert_eq!(reader.acknowledged("a budget.reached").unwrap(), two);
        assert_eq!(reader.acknowledged("b budget.reached").unwrap(), one);
        assert!(reader.acknowledged("a usage.day").unwrap().is_empty());
        assert!(reader.verify(&mut |_, _| ()).is_ok());
    }

    #[test]
    fn entries_that_are_not_what_was_written_are_damage() {
        let key = key("a usage.day");
        let acknowledged = Acknowledged::from([("2026-06-01".to_owned(), 100)]);
        let value = bind(&key, frame(VERSION, &record::encode(&acknowledged)));
        assert!(matches!(check(&key, &value), Some(Ok(()))));
        assert!(check(b"format", &value).is_none());
        for byte in 0..value.len() {
            let mut changed = value.clone();
            changed[byte] ^= 1;
            assert!(matches!(check(&key, &changed), Some(Err(_))), "byte {byte}");
        }
        let mut other = key.clone();
        other[PREFIX.len()] ^= 1;
        assert!(matches!(check(&other, &value), Some(Err(_))));
    }
}
