//! Checking a file without changing it.
//!
//! A check takes a database that may write (it rebuilds what it keeps about free pages), but must leave damage as it
//! found it, work on a medium that is read-only, and never turn a doubtful file into another.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, RepairSession, StorageError};

use super::disk::Disk;
use super::untouched::Untouched;
use super::{Reader, Store, StoreError, damaged, io_failed, reading};

/// Pages are read once, in order of keys; more cache would not be used.
const CACHE_BYTES: usize = 64 << 20;

impl Store {
    /// Opens a file only to read it, after checking every checksum of the database's own pages. The file stays as it
    /// is, and no process can write to it meanwhile.
    pub fn inspect(path: &Path) -> Result<Store, StoreError> {
        let file = File::open(path).map_err(io_failed)?;
        if file.metadata().map_err(io_failed)?.len() == 0 {
            return Err(damaged("the file is empty"));
        }
        let disk = Disk::new(Untouched::new(Arc::new(FileBackend::new(file)?)).map_err(io_failed)?);
        reading(|| Store::inspect_disk(disk))
    }

    fn inspect_disk(disk: Disk) -> Result<Store, StoreError> {
        let opened = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(true)
            .set_repair_callback(stop_at_the_first_damage)
            .create_with_backend(disk.clone());
        let database = opened.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::Locked,
            DatabaseError::RepairAborted => damaged("pages of the latest commit are not what was written"),
            DatabaseError::Storage(StorageError::Io(error))
                if !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
            {
                io_failed(error)
            }
            // Whatever else keeps a database from opening is about the bytes in it.
            other => damaged(other.to_string()),
        })?;
        if Reader::new(&database)?.format_version()?.is_none() {
            return Err(damaged("it is a database, but not one of Rollcall"));
        }
        Store::prepare(database, disk)
    }
}

/// The database would go back to the commit before one whose pages are damaged. Where that is what was asked, fine;
/// a check must say so instead. It reports 0.3 of its work only on the way back.
fn stop_at_the_first_damage(session: &mut RepairSession) {
    if session.progress() > 0.1 && session.progress() < 0.5 {
        session.abort();
    }
}
