//! The store's file, and what happens when the disk fails.
//!
//! Once one write has failed, the database refuses every read as well, until it is opened again. So a failure is kept
//! from it: from then on nothing more is written to the file, what the database writes goes to memory, and readers go
//! on with the commits they have. That the disk failed is asked for before and after each commit, so what was not
//! written is refused. Opened again, the file is as after a crash at the operation that failed, which recovery is for.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use redb::{BackendError, StorageBackend};

use super::untouched::Untouched;
use super::{StoreError, io_failed};

/// What the database writes last when it makes a file.
const MARK: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";
/// What it writes before that is no longer, and the rest of a new file is zeros.
const HEADER_BYTES: usize = 512;
/// New files are smaller.
const NEW_FILE_BYTES: u64 = 1 << 20;

/// Gives the database the file, and others a look at whether it works.
#[derive(Debug, Clone)]
pub(super) struct Disk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: Arc<dyn StorageBackend>,
    failure: OnceLock<Failure>,
}

#[derive(Debug)]
struct Failure {
    error: io::Error,
    operation: Operation,
    /// The file as it was then, and all that was written since.
    after: Untouched,
}

#[derive(Debug)]
enum Operation {
    Read,
    Write { offset: u64, data: Vec<u8> },
    SetLen(u64),
    Sync,
}

impl Disk {
    pub fn new(file: impl StorageBackend) -> Disk {
        Disk(Arc::new(Inner { file: Arc::new(file), failure: OnceLock::new() }))
    }

    /// Empties a file whose making was cut short before anything could be in it: the database would take it for another
    /// program's.
    pub fn start_over(&self) -> Result<(), StoreError> {
        if !self.is_unfinished().map_err(io_failed)? {
            return Ok(());
        }
        // Unless someone is making it now.
        let all = (Bound::Unbounded, Bound::Unbounded);
        match self.try_lock_range(all.0, all.1) {
            Ok(true) => {
                let emptied = self.is_unfinished().and_then(|still| if still { self.set_len(0) } else { Ok(()) });
                self.unlock_range(all.0, all.1).map_err(redb::DatabaseError::from)?;
                emptied.map_err(io_failed)
            }
            Ok(false) => Err(StoreError::Locked),
            Err(BackendError::Unsupported) => self.set_len(0).map_err(io_failed),
            Err(error) => Err(redb::DatabaseError::from(error).into()),
        }
    }

    fn is_unfinished(&self) -> io::Result<bool> {
        let len = self.len()?;
        if !(HEADER_BYTES as u64..NEW_FILE_BYTES).contains(&len) {
            return Ok(false);
        }
        let mut bytes = vec![0; len as usize];
        self.read(0, &mut bytes)?;
        let mark = bytes.iter().zip(MARK).take_while(|(byte, marked)| *byte == marked).count();
        Ok(mark < MARK.len() && bytes[mark..MARK.len()].iter().chain(&bytes[HEADER_BYTES..]).all(|byte| *byte == 0))
    }

    /// An error once the disk has failed.
    pub fn check(&self) -> Result<(), StoreError> {
        self.0.failure.get().map_or(Ok(()), |failure| {
            let text = format!("{}; nothing is written until the disk works again", failure.error);
            Err(io_failed(io::Error::new(failure.error.kind(), text)))
        })
    }

    /// Whether what failed would succeed now. It does that very operation again: the file may have it or not after a
    /// crash, so it does no harm. A read is not: one place that cannot be read should not stop the rest.
    pub fn works_again(&self) -> bool {
        let file = &self.0.file;
        let Some(failure) = self.0.failure.get() else { return true };
        let again = match &failure.operation {
            Operation::Write { offset, data } => file.write(*offset, data),
            Operation::SetLen(len) => file.set_len(*len),
            Operation::Read | Operation::Sync => Ok(()),
        };
        again.and_then(|()| file.sync_data()).is_ok()
    }

    /// What failed, from now on in memory.
    fn fail(&self, error: io::Error, operation: Operation) -> io::Result<&Untouched> {
        let after = Untouched::new(self.0.file.clone())?;
        Ok(&self.0.failure.get_or_init(|| Failure { error, operation, after }).after)
    }

    fn after_failure(&self) -> Option<&Untouched> {
        self.0.failure.get().map(|failure| &failure.after)
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.after_failure().map_or_else(|| self.0.file.len(), Untouched::len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if let Some(after) = self.after_failure() {
            return after.read(offset, out);
        }
        let read = self.0.file.read(offset, out);
        if let Err(error) = &read {
            self.fail(same(error), Operation::Read)?;
        }
        read
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if let Some(after) = self.after_failure() {
            return after.set_len(len);
        }
        self.0.file.set_len(len).or_else(|error| self.fail(error, Operation::SetLen(len))?.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.after_failure().is_some() {
            return Ok(());
        }
        self.0.file.sync_data().or_else(|error| self.fail(error, Operation::Sync).map(drop))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if let Some(after) = self.after_failure() {
            return after.write(offset, data);
        }
        self.0
            .file
            .write(offset, data)
            .or_else(|error| self.fail(error, Operation::Write { offset, data: data.to_vec() })?.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.0.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.query_lock_range(start, end)
    }
}

/// Errors of the system cannot be cloned.
fn same(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| io::Error::new(error.kind(), error.to_string()), io::Error::from_raw_os_error)
}
