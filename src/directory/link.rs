//! Links: questions that programs ask which can only open an address.

use super::SecretHash;
use crate::model::UnixMs;
use crate::store::record::{Decode, Encode};

/// Links that an organization may have: a list that a person can still find one in.
pub const LINKS: usize = 1000;

/// How often it is written down that a link is in use, as of tokens.
const USE_MS: i64 = 3_600_000;

/// A question whose answer whoever has the address may read, for as long as who made it may. The secret in the address
/// is kept as its hash.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Link {
    pub organization_id: String,
    /// Path and query of a route of the API, without the form of the answer.
    pub question: String,
    pub format: LinkFormat,
    pub hash: SecretHash,
    /// The token that it was made with, whose rights it has, and with which it ends.
    pub token_id: String,
    pub created: UnixMs,
    /// From when on it is worth nothing.
    pub expires: Option<UnixMs>,
    /// When it was used last, at most an hour before it was.
    pub last_used: Option<UnixMs>,
}

/// In which form a link answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum LinkFormat {
    Csv,
    Json,
    Parquet,
}

impl Link {
    pub fn has_expired(&self, now: UnixMs) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether a use of it now has to be written down.
    pub fn is_used_anew(&self, now: UnixMs) -> bool {
        self.last_used.is_none_or(|last| now - last >= USE_MS)
    }
}
