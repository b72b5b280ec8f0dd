//! What the file holds: bytes that are no record or block are refused, and a record that can be read is written and
//! read again as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollcall::directory::{
    Grant, Link, Linked, Member, Profile, ProvisionedGroup, ProvisionedUser, SecretHash, SessionTerms, Terms, View,
};
use rollcall::store::block::Block;
use rollcall::store::{AuditEntry, record};

fuzz_target!(|bytes: &[u8]| {
    macro_rules! reads_back {
        ($($kind:ty),*) => {$(
            if let Ok(value) = record::decode::<$kind>(bytes) {
                let again = record::decode::<$kind>(&record::encode(&value)).expect("what was written can be read");
                assert_eq!(format!("{value:?}"), format!("{again:?}"));
            }
        )*};
    }
    reads_back!(Member, Profile, (Grant, String, SecretHash, i64), Terms, (String, i64), SessionTerms);
    reads_back!(View, AuditEntry, Link, Linked, ProvisionedUser, ProvisionedGroup);
    if let Ok(block) = Block::parse(b"", bytes) {
        block.rows();
    }
});
