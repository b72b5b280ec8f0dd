//! A file that is looked at and not changed: what the database would write into it goes to memory.
//!
//! Checking a file takes a database that may write (it rebuilds what it keeps about free pages), but a check must
//! leave damage as it found it, work on a medium that is read-only, and never turn a doubtful file into another.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use redb::backends::FileBackend;
use redb::{BackendError, Database, DatabaseError, RepairSession, StorageBackend, StorageError};

use super::disk::Disk;
use super::{Reader, Store, StoreError, damaged, reading};

/// Pages are read once, in order of keys; more cache would not be used.
const CACHE_BYTES: usize = 64 << 20;
/// The database's pages are of this size, so most writes replace a block as a whole.
const BLOCK: u64 = 4096;

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

pub(super) fn io_failed(error: io::Error) -> StoreError {
    StoreError::Failed(Box::new(redb::Error::Io(error)))
}

#[derive(Debug)]
pub(super) struct Untouched {
    file: Arc<dyn StorageBackend>,
    changes: RwLock<Changes>,
}

#[derive(Debug)]
struct Changes {
    len: u64,
    /// How much of the file still counts. Less than its length once it was cut and has grown again.
    of_file: u64,
    blocks: BTreeMap<u64, Box<[u8; BLOCK as usize]>>,
}

impl Untouched {
    pub(super) fn new(file: Arc<dyn StorageBackend>) -> io::Result<Untouched> {
        let len = file.len()?;
        let changes = RwLock::new(Changes { len, of_file: len, blocks: BTreeMap::new() });
        Ok(Untouched { file, changes })
    }

    /// Reads what the file has; zeros where it ends.
    fn read_file(&self, of_file: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = of_file.saturating_sub(offset).min(out.len() as u64) as usize;
        let (there, beyond) = out.split_at_mut(there);
        beyond.fill(0);
        if there.is_empty() { Ok(()) } else { self.file.read(offset, there) }
    }
}

impl StorageBackend for Untouched {
    fn len(&self) -> io::Result<u64> {
        Ok(self.changes.read().unwrap_or_else(PoisonError::into_inner).len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changes = self.changes.read().unwrap_or_else(PoisonError::into_inner);
        let end = offset + out.len() as u64;
        if end > changes.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_file(changes.of_file, offset, out)?;
        for (number, block) in changes.blocks.range(offset / BLOCK..end.div_ceil(BLOCK)) {
            let start = number * BLOCK;
            let (from, to) = (start.max(offset), (start + BLOCK).min(end));
            let changed = &block[(from - start) as usize..(to - start) as usize];
            out[(from - offset) as usize..(to - offset) as usize].copy_from_slice(changed);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut changes = self.changes.write().unwrap_or_else(PoisonError::into_inner);
        changes.len = len;
        changes.of_file = changes.of_file.min(len);
        changes.blocks.split_off(&len.div_ceil(BLOCK));
        if let Some(last) = changes.blocks.get_mut(&(len / BLOCK)) {
            last[(len % BLOCK) as usize..].fill(0);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changes = self.changes.write().unwrap_or_else(PoisonError::into_inner);
        let end = offset + data.len() as u64;
        for number in offset / BLOCK..end.div_ceil(BLOCK) {
            let start = number * BLOCK;
            if !changes.blocks.contains_key(&number) {
                let mut block = Box::new([0; BLOCK as usize]);
                self.read_file(changes.of_file, start, &mut block[..])?;
                changes.blocks.insert(number, block);
            }
            let block = changes.blocks.get_mut(&number).expect("just put there");
            let (from, to) = (start.max(offset), (start + BLOCK).min(end));
            let part = &data[(from - offset) as usize..(to - offset) as usize];
            block[(from - start) as usize..(to - start) as usize].copy_from_slice(part);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    // Whoever reads shares its lock with others who do, and keeps those out who write.
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Write(u64, Vec<u8>),
        SetLen(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let write = (0u64..20_000, proptest::collection::vec(any::<u8>(), 1..6000));
        let step = prop_oneof![
            3 => write.prop_map(|(offset, data)| Step::Write(offset, data)),
            1 => (0u64..24_000).prop_map(Step::SetLen),
        ];
        proptest::collection::vec(step, 0..12)
    }

    proptest! {
        #[test]
        fn it_reads_like_a_file_that_was_written_and_leaves_the_file_alone(
            start in proptest::collection::vec(any::<u8>(), 1..20_000), steps in steps(),
        ) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&start).unwrap();
            let backend = FileBackend::new(File::open(file.path()).unwrap()).unwrap();
            let untouched = Untouched::new(Arc::new(backend)).unwrap();
            let mut model = start.clone();
            for step in steps {
                match step {
                    Step::Write(offset, data) => {
                        let end = offset as usize + data.len();
                        if end > model.len() {
                            model.resize(end, 0);
                            untouched.set_len(end as u64).unwrap();
                        }
                        model[offset as usize..end].copy_from_slice(&data);
                        untouched.write(offset, &data).unwrap();
                    }
                    Step::SetLen(len) => {
                        model.resize(len as usize, 0);
                        untouched.set_len(len).unwrap();
                    }
                }
                let mut read = vec![7; model.len()];
                untouched.read(0, &mut read).unwrap();
                prop_assert!(read == model);
                prop_assert!(untouched.read(1, &mut read).is_err() || read.is_empty());
            }
            prop_assert!(std::fs::read(file.path()).unwrap() == start);
        }
    }
}
