//! Checking a store as a whole, and writing files that are whole or not there.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::{COMMAND, Note, STORE_FILE};
use crate::directory::Directory;
use crate::model::UnixMs;
use crate::store::{Progress, Reader, Store, StoreError, Verified};

/// What a file is called while it is written, in the directory it will be in. One that is left by a crash is
/// overwritten by the next.
pub const PARTIAL_FILE: &str = ".rollcall.partial";

/// Recomputes everything that one commit says twice, records of the directory included.
pub fn check(reader: &Reader, progress: &mut Progress<'_>) -> Result<Verified, StoreError> {
    let verified = reader.verify(progress)?;
    Directory::load(reader)?;
    Ok(verified)
}

/// What a file takes on disk. Less than its length, for a store's file grows by doubling and is sparse at its end.
pub fn allocated_bytes(path: &Path) -> io::Result<u64> {
    // Whatever the file system's blocks are, this counts in units of 512.
    fs::metadata(path).map(|metadata| metadata.blocks() * 512)
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    /// *Caller.*
    #[error("{} exists; name a file that does not", path.display())]
    Exists { path: PathBuf },
    /// *Busy.*
    #[error("another copy is being written into {}", directory.display())]
    InUse { directory: PathBuf },
    /// *Broken.*
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    /// *As the store says.*
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A file that gets its name once it is whole, and is gone when that does not happen.
pub struct NewFile {
    file: File,
    partial: TempPath,
    destination: PathBuf,
    directory: File,
}

impl NewFile {
    /// Starts a file. It must not exist unless it is to be replaced.
    pub fn create(destination: &Path, replace: bool) -> Result<NewFile, MaintenanceError> {
        if !replace && fs::symlink_metadata(destination).is_ok() {
            return Err(MaintenanceError::Exists { path: destination.to_owned() });
        }
        // The parent of a bare name is empty, and means the working directory.
        let parent = destination.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let directory = File::open(parent).map_err(|error| io_error(parent, error))?;
        // Where directories cannot be locked, as on some network file systems, the database's own lock remains.
        if let Err(TryLockError::WouldBlock) = directory.try_lock() {
            return Err(MaintenanceError::InUse { directory: parent.to_owned() });
        }
        let path = parent.join(PARTIAL_FILE);
        // Tokens' hashes, names and addresses are in it: for the owner only.
        let file = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(|error| io_error(&path, error))?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(MaintenanceError::InUse { directory: parent.to_owned() });
        }
        let emptied = file.set_len(0).and_then(|()| file.unlock());
        let partial = emptied.and_then(|()| TempPath::try_from_path(&path)).map_err(|error| io_error(&path, error))?;
        Ok(NewFile { file, partial, destination: destination.to_owned(), directory })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// What it is called until it is whole.
    pub fn partial_path(&self) -> &Path {
        &self.partial
    }

    /// Fills it with everything of one commit.
    pub fn copy(&self, reader: &Reader, progress: &mut Progress<'_>) -> Result<(), StoreError> {
        reader.copy_into(&self.file, progress)
    }

    /// Checks the store that was written into it.
    pub fn verify(&self, progress: &mut Progress<'_>) -> Result<Verified, StoreError> {
        check(&Store::inspect(&self.partial)?.reader()?, progress)
    }

    /// Makes it durable under its name.
    pub fn finish(self, replace: bool) -> Result<(), MaintenanceError> {
        let NewFile { file, partial, destination, directory } = self;
        file.sync_all().map_err(|error| io_error(&destination, error))?;
        let named = if replace { partial.persist(&destination) } else { partial.persist_noclobber(&destination) };
        named.map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => MaintenanceError::Exists { path: destination.clone() },
            _ => io_error(&destination, error.error),
        })?;
        // The name, too, is only kept by a sync: that of the directory.
        directory.sync_all().map_err(|error| io_error(&destination, error))
    }
}

fn io_error(path: &Path, error: io::Error) -> MaintenanceError {
    MaintenanceError::Io { path: path.to_owned(), error }
}

/// Why a backup was not put back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// *Caller.*
    #[error("the store in {} is in use by another process; stop its server first", directory.display())]
    InUse { directory: PathBuf },
    /// *Caller.*
    #[error("the store in {} is not empty; --force replaces it, and what it has is lost", directory.display())]
    NotEmpty { directory: PathBuf },
    /// The backup cannot be opened, or is damaged. *As the store says.*
    #[error("{}: {error}", path.display())]
    Source { path: PathBuf, error: StoreError },
    /// *As it says.*
    #[error(transparent)]
    Write(#[from] MaintenanceError),
}

/// Puts a backup in the place of a directory's store, after checking it. `create` is [`NewFile::create`] or does more.
/// `progress` is told of the check, then of the copy, then of a check of that.
pub fn restore(
    source: &Path,
    directory: &Path,
    force: bool,
    now: UnixMs,
    create: impl FnOnce(&Path, bool) -> Result<NewFile, MaintenanceError>,
    progress: &mut Progress<'_>,
) -> Result<Verified, RestoreError> {
    let destination = directory.join(STORE_FILE);
    let io = |path: &Path, error| RestoreError::Write(io_error(path, error));
    fs::create_dir_all(directory).map_err(|error| io(directory, error))?;
    let existing = match File::open(&destination) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(io(&destination, error)),
    };
    // Held until the new file is in place: no server starts on the one that goes.
    if let Some(file) = &existing {
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RestoreError::InUse { directory: directory.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(io(&destination, error)),
        }
        if !force && !is_empty(&destination) {
            return Err(RestoreError::NotEmpty { directory: directory.to_owned() });
        }
    }
    let of_source = |error| RestoreError::Source { path: source.to_owned(), error };
    let store = Store::inspect(source).map_err(of_source)?;
    let reader = store.reader().map_err(of_source)?;
    let verified = check(&reader, progress).map_err(of_source)?;
    let file = create(&destination, existing.is_some())?;
    file.copy(&reader, progress).map_err(MaintenanceError::from)?;
    tell(file.partial_path(), source, now).map_err(MaintenanceError::from)?;
    file.verify(progress).map_err(MaintenanceError::from)?;
    file.finish(existing.is_some())?;
    Ok(verified)
}

/// Writes into the audit log of a restored store that it is one.
fn tell(store: &Path, source: &Path, now: UnixMs) -> Result<(), StoreError> {
    let store = Store::open(store)?;
    let mut head = store.reader()?.audit_head()?;
    let target = source.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let writer = store.begin()?;
    // What it shipped since the backup is another course of events.
    writer.ship_anew()?;
    for entry in (Note { target, ..Note::new(COMMAND, "restore") }).entries(now, &Directory::default(), &[], None) {
        writer.append_audit(&mut head, &entry)?;
    }
    writer.commit()
}

/// Whether a store can be replaced without losing anything. What cannot be read may be worth something.
fn is_empty(path: &Path) -> bool {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) {
        return true;
    }
    Store::inspect(path).and_then(|store| store.reader()?.entries()).is_ok_and(|entries| entries == 0)
}
