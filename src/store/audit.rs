//! The audit log: who did what, each entry with the hash of the one before, so that none can be changed, left out or
//! put in without changing all that follow.
//!
//! A value is the SHA-256 of the rest of it after the entry's number, and then a [`record`] of the hash of the entry
//! before (zeros for the first) and the entry. What the chain cannot show is that its end is missing, or that all of it
//! was written anew: for that its last hash has to be known from elsewhere.

use redb::ReadableTable;
use sha2::{Digest, Sha256};

use super::record::{self, Decode, Encode};
use super::{AUDIT, Reader, StoreError, Writer, damaged};
use crate::model::UnixMs;

/// One action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct AuditEntry {
    pub at: UnixMs,
    /// Id of the token that was used, or what else it was.
    pub actor: String,
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// Whose it is, when it is one organization's.
    pub organization_id: Option<String>,
    /// The user behind a token.
    pub user_id: Option<String>,
    pub detail: String,
    /// Why it was not done, when it was not.
    pub refusal: Option<String>,
}

/// The last entry: its number, which is how many there are, and its hash.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditHead {
    pub sequence: u64,
    pub hash: [u8; 32],
}

const HASH_BYTES: usize = 32;

impl AuditHead {
    /// The next entry's value.
    fn append(&mut self, entry: &AuditEntry) -> Vec<u8> {
        let body = record::encode(&(self.hash, entry.clone()));
        self.sequence += 1;
        self.hash = hash_of(self.sequence, &body);
        [&self.hash, &body[..]].concat()
    }

    /// Goes on to the entry that is next in the file.
    pub(super) fn follow(self, key: &[u8], value: &[u8]) -> Result<AuditHead, StoreError> {
        let (hash, body) = split(value)?;
        let sequence = number(key)?;
        if sequence != self.sequence + 1 {
            return Err(damaged(format!("audit entry {} is missing; {sequence} is next", self.sequence + 1)));
        }
        if *hash != hash_of(sequence, body) {
            return Err(damaged(format!("audit entry {sequence} is not what was written: its hash is another")));
        }
        let stored = Stored::read(key, value)?;
        if stored.before != self.hash {
            let before = "it was written after another entry than the one before it";
            return Err(damaged(format!("audit entry {sequence} does not fit: {before}")));
        }
        Ok(stored.head)
    }

    pub fn hash_hex(&self) -> String {
        self.hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn hash_of(sequence: u64, body: &[u8]) -> [u8; HASH_BYTES] {
    Sha256::new().chain_update(sequence.to_be_bytes()).chain_update(body).finalize().into()
}

fn number(key: &[u8]) -> Result<u64, StoreError> {
    key.try_into().map(u64::from_be_bytes).map_err(|_| damaged("an audit entry's number"))
}

fn split(value: &[u8]) -> Result<(&[u8; HASH_BYTES], &[u8]), StoreError> {
    value.split_first_chunk().ok_or_else(|| damaged("an audit entry's hash"))
}

struct Stored {
    head: AuditHead,
    before: [u8; HASH_BYTES],
    entry: AuditEntry,
}

impl Stored {
    fn read(key: &[u8], value: &[u8]) -> Result<Stored, StoreError> {
        let (hash, body) = split(value)?;
        let (before, entry) = record::decode(body)?;
        Ok(Stored { head: AuditHead { sequence: number(key)?, hash: *hash }, before, entry })
    }
}

impl Reader {
    pub fn audit_head(&self) -> Result<AuditHead, StoreError> {
        match self.transaction.open_table(AUDIT)?.last()? {
            Some((key, value)) => Ok(Stored::read(key.value(), value.value())?.head),
            None => Ok(AuditHead::default()),
        }
    }

    /// Calls `visit` with entries before a number, newest first, for as long as it says so.
    pub fn audit(&self, before: u64, mut visit: impl FnMut(AuditHead, AuditEntry) -> bool) -> Result<(), StoreError> {
        let table = self.transaction.open_table(AUDIT)?;
        for stored in table.range::<&[u8]>(..&before.to_be_bytes()[..])?.rev() {
            let (key, value) = stored?;
            let Stored { head, entry, .. } = Stored::read(key.value(), value.value())?;
            if !visit(head, entry) {
                break;
            }
        }
        Ok(())
    }
}

impl Writer {
    /// Adds an entry after the one that `head` is.
    pub fn append_audit(&self, head: &mut AuditHead, entry: &AuditEntry) -> Result<(), StoreError> {
        let value = head.append(entry);
        let key = head.sequence.to_be_bytes();
        self.touch_record(AUDIT, &key);
        self.transaction.open_table(AUDIT)?.insert(&key[..], &value[..])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Chain = Vec<(Vec<u8>, Vec<u8>)>;

    fn chain(entries: u64) -> Chain {
        let mut head = AuditHead::default();
        let entry = |number: u64| AuditEntry { actor: format!("actor {number}"), ..AuditEntry::default() };
        (1..=entries).map(|number| (number.to_be_bytes().to_vec(), head.append(&entry(number)))).collect()
    }

    fn check(chain: &Chain) -> Result<AuditHead, String> {
        let mut entries = chain.iter();
        entries.try_fold(AuditHead::default(), |head, (key, value)| head.follow(key, value)).map_err(|e| e.to_string())
    }

    fn check_broken(chain: &Chain, words: &str) {
        let error = check(chain).expect_err(words);
        assert!(error.contains(words), "'{error}' does not say '{words}'");
    }

    #[test]
    fn the_first_entry_that_does_not_fit_is_named() {
        let whole = chain(5);
        assert_eq!(check(&whole).unwrap().sequence, 5);
        for byte in 0..whole[2].1.len() {
            let mut changed = whole.clone();
            changed[2].1[byte] ^= 1;
            assert!(check(&changed).is_err(), "byte {byte}");
        }
        let mut changed = whole.clone();
        let last = changed[2].1.len() - 1;
        changed[2].1[last] ^= 1;
        check_broken(&changed, "audit entry 3 is not what was written");

        let mut missing = whole.clone();
        missing.remove(1);
        check_broken(&missing, "audit entry 2 is missing");

        // Written anew with a right hash of its own: what follows shows it.
        let mut head = check(&whole[..2].to_vec()).unwrap();
        let mut forged = whole.clone();
        forged[2].1 = head.append(&AuditEntry { actor: "someone else".into(), ..AuditEntry::default() });
        check_broken(&forged, "audit entry 4 does not fit");
    }
}
