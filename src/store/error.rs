//! Errors of the store, and which of them the database's are.

use std::io::ErrorKind;

use super::FORMAT_VERSION;
use super::packed::BlockError;
use crate::model::Overflow;

/// What can go wrong with the file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the file open. *Caller.*
    #[error("the store is in use by another process")]
    Locked,
    /// Written by a newer Rollcall. *Caller.*
    #[error("the store has format version {found}; this version reads up to {FORMAT_VERSION}: use a newer rollcall")]
    Newer { found: u32 },
    /// Written before the first release. *Caller.*
    #[error("the store has format version {found}, of before the first release, which this version does not read")]
    Older { found: u32 },
    /// A sum would leave its integer. *Caller.*
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// Bytes are not what was written. *Broken.*
    #[error("the store is damaged: {what}; look with `rollcall verify`, put back a backup with `rollcall restore`")]
    Damaged { what: String },
    /// The disk or the database failed. *Broken.*
    #[error("the store failed: {0}")]
    Failed(#[source] Box<redb::Error>),
    /// Where usage is kept cannot be asked. *Busy.*
    #[error("{0}")]
    Away(String),
    /// What is read is of more than one state. *Busy.*
    #[error("usage changed while it was read; ask again")]
    Moved,
}

macro_rules! failed_from {
    ($($error:ty),*) => {$(
        impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                failed(error.into())
            }
        }
    )*};
}
failed_from!(redb::StorageError, redb::TransactionError, redb::TableError, redb::CommitError, redb::SetDurabilityError);

impl From<redb::DatabaseError> for StoreError {
    fn from(error: redb::DatabaseError) -> Self {
        match error {
            redb::DatabaseError::DatabaseAlreadyOpen => StoreError::Locked,
            other => failed(other.into()),
        }
    }
}

fn failed(error: redb::Error) -> StoreError {
    match error {
        redb::Error::Corrupted(what) => damaged(what),
        // Another program's file, or one that ends too early.
        redb::Error::Io(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) => {
            damaged(error.to_string())
        }
        other => StoreError::Failed(Box::new(other)),
    }
}

impl From<BlockError> for StoreError {
    fn from(error: BlockError) -> Self {
        damaged(error.to_string())
    }
}

pub(crate) fn damaged(what: impl Into<String>) -> StoreError {
    StoreError::Damaged { what: what.into() }
}

pub(super) fn io_failed(error: std::io::Error) -> StoreError {
    StoreError::Failed(Box::new(redb::Error::Io(error)))
}
