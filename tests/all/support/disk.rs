//! A disk in memory that keeps over a crash what was synced, and of the rest what one likes; and that fails on demand.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use redb::StorageBackend;

use super::random::Random;

/// `ENOSPC` and `EIO`, as the system says them.
pub const DISK_FULL: i32 = 28;
pub const DISK_BROKEN: i32 = 5;

/// How long a disk that works may take to be noticed.
const DEADLINE: Duration = Duration::from_secs(60);
/// What a refusal says: the writer tries the disk that often.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Tries until it works, as a sender does that is told when to come back.
pub fn insist(mut works: impl FnMut() -> Result<(), String>) {
    let deadline = Instant::now() + DEADLINE;
    while let Err(error) = works() {
        assert!(Instant::now() < deadline, "{error}");
        std::thread::sleep(RETRY_AFTER);
    }
}

#[derive(Debug, Clone)]
pub enum Operation {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
}

/// What a crash keeps of the operations since the last sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Nothing,
    /// As after a kill of the process: the system writes all of it later.
    All,
    /// Each with an even chance, for disks write in any order.
    Some,
    /// The first ones, and of the last of those a part.
    TornPrefix,
}

pub const EVERY_KIND: [Kept; 4] = [Kept::Nothing, Kept::All, Kept::Some, Kept::TornPrefix];

/// What is on the platters, and what is on its way there.
#[derive(Debug, Clone, Default)]
pub struct Image {
    durable: Vec<u8>,
    unsynced: Vec<Operation>,
}

impl Image {
    pub fn new(durable: Vec<u8>) -> Image {
        Image { durable, unsynced: Vec::new() }
    }

    pub fn apply(&mut self, operation: Operation) {
        if matches!(operation, Operation::Sync) {
            let unsynced = std::mem::take(&mut self.unsynced);
            unsynced.iter().for_each(|operation| perform(&mut self.durable, operation));
        } else {
            self.unsynced.push(operation);
        }
    }

    /// The bytes that the next start finds.
    pub fn after_crash(&self, kept: Kept, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let whole = match kept {
            Kept::Nothing => 0,
            Kept::All | Kept::Some => self.unsynced.len(),
            Kept::TornPrefix => random.below(self.unsynced.len() as u64 + 1) as usize,
        };
        for operation in &self.unsynced[..whole] {
            if kept != Kept::Some || random.below(2) == 0 {
                perform(&mut bytes, operation);
            }
        }
        if kept == Kept::TornPrefix
            && let Some(Operation::Write(offset, data)) = self.unsynced.get(whole)
        {
            let half = random.below(data.len() as u64) as usize;
            perform(&mut bytes, &Operation::Write(*offset, data[..half].to_vec()));
        }
        bytes
    }
}

/// A page beyond the length that the file has on disk is lost with the length.
fn perform(bytes: &mut Vec<u8>, operation: &Operation) {
    match operation {
        Operation::Write(offset, data) => {
            let start = (*offset as usize).min(bytes.len());
            let end = (*offset as usize + data.len()).min(bytes.len());
            bytes[start..end].copy_from_slice(&data[..end - start]);
        }
        Operation::SetLen(len) => bytes.resize(*len as usize, 0),
        Operation::Sync => {}
    }
}

#[derive(Debug, Default)]
struct State {
    live: Vec<u8>,
    image: Image,
    history: Vec<Operation>,
    records: bool,
    /// After so many operations that change something, all fail, with this error.
    fault: Option<(u64, i32)>,
    /// The next read fails.
    read_fails: bool,
}

/// Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct CrashDisk(Arc<Mutex<State>>);

impl CrashDisk {
    pub fn new(bytes: Vec<u8>) -> CrashDisk {
        CrashDisk(Arc::new(Mutex::new(State { live: bytes.clone(), image: Image::new(bytes), ..State::default() })))
    }

    /// One that remembers every operation for [`CrashDisk::history`].
    pub fn recording(bytes: Vec<u8>) -> CrashDisk {
        let disk = CrashDisk::new(bytes);
        disk.0.lock().unwrap().records = true;
        disk
    }

    pub fn history(&self) -> Vec<Operation> {
        self.0.lock().unwrap().history.clone()
    }

    pub fn operations(&self) -> usize {
        self.0.lock().unwrap().history.len()
    }

    pub fn image(&self) -> Image {
        self.0.lock().unwrap().image.clone()
    }

    /// From now on `after` operations succeed, and all later ones fail.
    pub fn fail_after(&self, after: u64, error: i32) {
        self.0.lock().unwrap().fault = Some((after, error));
    }

    pub fn fail_next_read(&self) {
        self.0.lock().unwrap().read_fails = true;
    }

    pub fn repair(&self) {
        self.0.lock().unwrap().fault = None;
    }

    fn change(&self, operation: Operation) -> io::Result<()> {
        let state = &mut *self.0.lock().unwrap();
        match &mut state.fault {
            Some((0, error)) => return Err(io::Error::from_raw_os_error(*error)),
            Some((left, _)) => *left -= 1,
            None => {}
        }
        perform(&mut state.live, &operation);
        if state.records {
            state.history.push(operation.clone());
        }
        state.image.apply(operation);
        Ok(())
    }
}

impl StorageBackend for CrashDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if std::mem::take(&mut state.read_fails) {
            return Err(io::Error::from_raw_os_error(DISK_BROKEN));
        }
        let bytes = state.live.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Operation::SetLen(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(Operation::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Operation::Write(offset, data.to_vec()))
    }
}
