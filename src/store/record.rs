//! Stored records: how directory entries become bytes.
//!
//! A version byte, then bincode. bincode 2.0.1 is the last release of its line and gets no more updates; all of its
//! use is here, so that replacing it means one new version byte.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};

use super::{StoreError, damaged};

const VERSION: u8 = 1;
/// Above the largest record, a member with 1,000 projects of 512 four-byte characters; it keeps damaged lengths from
/// asking for memory.
const MAX_BYTES: usize = 4 << 20;
const CONFIG: Configuration<LittleEndian, Varint, Limit<MAX_BYTES>> =
    bincode::config::standard().with_limit::<MAX_BYTES>();

pub use bincode::{Decode, Encode};

/// Writes a record.
pub fn encode<T: Encode>(record: &T) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bincode::encode_into_std_write(record, &mut bytes, CONFIG).expect("memory takes every write");
    // What could not be read back must not be written.
    assert!(bytes.len() <= MAX_BYTES, "a record of {} bytes", bytes.len());
    bytes
}

/// Reads a record written by [`encode`].
pub fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, StoreError> {
    let body = bytes.strip_prefix(&[VERSION]).ok_or_else(|| damaged("a record's version"))?;
    match bincode::decode_from_slice(body, CONFIG) {
        Ok((record, used)) if used == body.len() => Ok(record),
        _ => Err(damaged("a directory record")),
    }
}
