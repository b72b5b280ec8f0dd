//! Ids as they are kept.

/// 96 bits of an event id's hash. Among 10⁸ ids of one organization the chance that any two meet is 6 × 10⁻¹⁴.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 12]);

impl Fingerprint {
    pub fn of(id: &str) -> Fingerprint {
        Fingerprint::of_bytes(id.as_bytes())
    }

    pub fn of_bytes(id: &[u8]) -> Fingerprint {
        let hash = twox_hash::XxHash3_128::oneshot(id).to_le_bytes();
        Fingerprint(hash[..12].try_into().expect("twelve of sixteen bytes"))
    }
}
