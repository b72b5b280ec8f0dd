//! A file that is looked at and not changed: what the database would write into it goes to memory.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use redb::{BackendError, StorageBackend};

/// The database's pages are of this size, so most writes replace a block as a whole.
const BLOCK: u64 = 4096;

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
    use std::fs::File;
    use std::io::Write;

    use proptest::prelude::*;
    use redb::backends::FileBackend;

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
