//! Scheduled backups.
//!
//! A thread of its own copies a snapshot into a directory every so often and removes the oldest copies beyond a
//! number. The writer does not notice, other than that pages of the snapshot stay in the file while it is copied.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, UNIX_EPOCH};

use super::maintenance::{MaintenanceError, NewFile, PARTIAL_FILE};
use super::{Engine, Note, SERVER, StoreError};
use crate::model::UnixMs;
use crate::store::{caught, damaged};

/// After a backup that failed the next try is this long away, or less where backups are more frequent.
const AGAIN: Duration = Duration::from_secs(600);
/// The clock is looked at this often: it may be set, and machines sleep.
const LOOK: Duration = Duration::from_secs(60);
/// What is before and after the time in the name of a backup made by the schedule.
const SCHEDULED: (&str, &str) = ("rollcall-scheduled-", ".redb");

/// When and where.
#[derive(Debug, Clone)]
pub struct BackupPlan {
    pub directory: PathBuf,
    pub every: Duration,
    /// Backups of the schedule that are kept.
    pub keep: usize,
    /// The time as it is in names: 16 digits and letters, whose order is that of time (`20260601T101500Z`).
    pub stamp: fn(UnixMs) -> String,
}

/// The name of a backup that someone asked for. The schedule's have another, so that it removes none of these.
pub fn backup_name(stamp: &str) -> String {
    format!("rollcall-{stamp}.redb")
}

/// A backup that lies in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    pub path: PathBuf,
    pub bytes: u64,
    /// When it was written.
    pub at: UnixMs,
}

/// Backups that are listed: whoever keeps more has a way of their own to look.
const LISTED: usize = 1000;

/// The backups of a directory, the schedule's and those that someone asked for, newest first.
pub fn backups_in(directory: &Path) -> std::io::Result<Vec<Backup>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let is_backup = |name: &str| name.starts_with("rollcall-") && name.ends_with(SCHEDULED.1);
        // One that is removed meanwhile is none.
        let Some(metadata) = entry.metadata().ok().filter(std::fs::Metadata::is_file) else { continue };
        if entry.file_name().to_str().is_some_and(is_backup) {
            let at = metadata.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as UnixMs);
            found.push(Backup { path: entry.path(), bytes: metadata.len(), at });
        }
    }
    found.sort_unstable_by(|a, b| (b.at, &b.path).cmp(&(a.at, &a.path)));
    found.truncate(LISTED);
    Ok(found)
}

/// Scheduled backups being made, until dropped.
pub struct BackupSchedule {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    writing: Arc<AtomicBool>,
    partial: PathBuf,
}

impl BackupSchedule {
    pub fn start(engine: Arc<Engine>, plan: BackupPlan) -> std::io::Result<BackupSchedule> {
        std::fs::create_dir_all(&plan.directory)?;
        let (stop, stopped) = channel::<()>();
        let writing = Arc::new(AtomicBool::new(false));
        if let Some(at) = written_at(&plan) {
            engine.metrics().last_backup_unix_s.store((at / 1000) as u64, Ordering::Relaxed);
        }
        let (partial, is_writing) = (plan.directory.join(PARTIAL_FILE), writing.clone());
        let thread = std::thread::Builder::new().name("backups".into()).spawn(move || {
            let mut retry_at = None;
            loop {
                let now = engine.now();
                let due = retry_at.unwrap_or_else(|| next_due(&plan));
                let wait = Duration::from_millis(due.saturating_sub(now).max(0) as u64).min(LOOK);
                match stopped.recv_timeout(wait) {
                    Err(RecvTimeoutError::Timeout) => {}
                    _ => return,
                }
                if engine.now() < due {
                    continue;
                }
                is_writing.store(true, Ordering::Relaxed);
                let failed = |panic| Err(damaged(format!("the copy panicked: {panic}")).into());
                let made = caught(|| back_up(&engine, &plan)).unwrap_or_else(failed);
                is_writing.store(false, Ordering::Relaxed);
                retry_at = note(&engine, &plan, made);
            }
        })?;
        Ok(BackupSchedule { stop: Some(stop), thread: Some(thread), writing, partial })
    }
}

impl Drop for BackupSchedule {
    fn drop(&mut self) {
        self.stop.take();
        if self.writing.load(Ordering::Relaxed) {
            // A stop does not wait for a copy. What there is of it has no name yet, and goes.
            let _ = std::fs::remove_file(&self.partial);
        } else if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Tells what became of a backup; after a failure, when to try again.
fn note(engine: &Engine, plan: &BackupPlan, made: Result<PathBuf, MaintenanceError>) -> Option<UnixMs> {
    let metrics = engine.metrics();
    match made {
        Ok(path) => {
            metrics.backups.fetch_add(1, Ordering::Relaxed);
            metrics.last_backup_unix_s.store((engine.now() / 1000).max(0) as u64, Ordering::Relaxed);
            tracing::info!(file = %path.display(), "made a backup");
            let target = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            tell(engine, Note { target, ..Note::new(SERVER, "backup") });
            remove_old(plan);
            None
        }
        Err(error) => {
            metrics.failed_backups.fetch_add(1, Ordering::Relaxed);
            tracing::error!(%error, directory = %plan.directory.display(), "a backup failed");
            tell(engine, Note { refusal: Some(error.to_string()), ..Note::new(SERVER, "backup") });
            Some(engine.now() + AGAIN.min(plan.every).as_millis() as i64)
        }
    }
}

/// Writes to the audit log, which must not keep backups from being made.
fn tell(engine: &Engine, note: Note) {
    if let Err(error) = engine.note(note).and_then(|written| written.wait()) {
        tracing::warn!(%error, "the audit log does not say what became of a backup");
    }
}

fn back_up(engine: &Engine, plan: &BackupPlan) -> Result<PathBuf, MaintenanceError> {
    let stamp = (plan.stamp)(engine.now());
    let path = plan.directory.join(format!("{}{stamp}{}", SCHEDULED.0, SCHEDULED.1));
    let file = NewFile::create(&path, false)?;
    // Held no longer than the copy takes: it keeps pages from being used again.
    let snapshot = engine.snapshot();
    file.copy(&snapshot.reader, &mut |_, _| ())?;
    drop(snapshot);
    file.verify(&mut |_, _| ()).map_err(|error| match error {
        StoreError::Damaged { what } => StoreError::Damaged { what: format!("its copy shows that {what}") },
        other => other,
    })?;
    file.finish(false)?;
    Ok(path)
}

/// The schedule's own backups, oldest first.
fn own_backups(directory: &Path) -> Vec<PathBuf> {
    let is_own = |name: &str| {
        let stamp = name.strip_prefix(SCHEDULED.0).and_then(|rest| rest.strip_suffix(SCHEDULED.1));
        stamp.is_some_and(|stamp| stamp.len() == 16 && stamp.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut own: Vec<PathBuf> =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(is_own)).map(|entry| entry.path()).collect();
    own.sort_unstable();
    own
}

fn remove_old(plan: &BackupPlan) {
    let own = own_backups(&plan.directory);
    for old in &own[..own.len().saturating_sub(plan.keep)] {
        match std::fs::remove_file(old) {
            Ok(()) => tracing::info!(file = %old.display(), "removed an old backup"),
            Err(error) => tracing::warn!(%error, file = %old.display(), "an old backup could not be removed"),
        }
    }
}

/// When the next backup is due, by the newest there is, so that a restart neither repeats nor puts off one.
fn next_due(plan: &BackupPlan) -> UnixMs {
    written_at(plan).map_or(0, |at| at + plan.every.as_millis() as i64)
}

/// When the newest backup of the schedule was written.
fn written_at(plan: &BackupPlan) -> Option<UnixMs> {
    let modified = own_backups(&plan.directory).pop()?.metadata().ok()?.modified().ok()?;
    Some(modified.duration_since(UNIX_EPOCH).ok()?.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_found_whoever_asked_for_them_newest_first() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, at: u64| {
            let file = std::fs::File::create(directory.path().join(name)).unwrap();
            file.set_len(at).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(at)).unwrap();
        };
        write("rollcall-20260601T000000Z.redb", 2);
        write("rollcall-scheduled-20260602T000000Z.redb", 3);
        write("rollcall-scheduled-20260531T000000Z.redb", 1);
        write(".rollcall.partial", 4);
        write("rollcall.redb", 5);
        let found: Vec<_> = backups_in(directory.path()).unwrap().iter().map(|b| (b.bytes, b.at)).collect();
        assert_eq!(found, [(3, 3000), (2, 2000), (1, 1000)]);
        assert!(backups_in(&directory.path().join("gone")).is_err());
    }

    #[test]
    fn only_backups_of_the_schedule_are_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let names = [
            "rollcall-scheduled-20260602T000000Z.redb",
            "rollcall-scheduled-20260601T000000Z.redb",
            "rollcall-scheduled-20260601T000000Z.redb.old",
            "rollcall-scheduled-before-upgrade.redb",
            "rollcall-20260601T000000Z.redb",
            "rollcall.redb",
        ];
        for name in names {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let own: Vec<_> = own_backups(directory.path())
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(own, [names[1], names[0]]);
    }
}
