//! `/v1/compact`, `/v1/backup`, `/v1/backups` and `/v1/verify`: keeping a store that is being served.

pub mod wire;

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use self::wire::{BackupBody, BackupList, Checked, Compaction, StoreSize, Verification};
use super::access::Caller;
use super::body::Binary;
use super::listing::{ListParameters, Listed, Table};
use super::operations::{Health, health};
use super::problem::{Problem, ProblemBody};
use super::{App, on_a_thread, stream};
use crate::calendar::rfc3339_utc;
use crate::engine::{Backup, Engine, EngineError, Note, STORE_FILE, allocated_bytes, backup_name, backups_in, check};
use crate::model::UnixMs;
use crate::store::{StoreError, Verified};

/// Bytes of a backup that are read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// Seals every day that is over.
///
/// Operator only. Otherwise the server does that by itself, within some hours. Space in the file that becomes free is
/// used again; only `rollcall compact` without a server makes the file smaller.
#[utoipa::path(
    post, path = "/v1/compact", tag = "maintenance",
    responses(
        (status = 200, body = Compaction),
    ),
)]
pub async fn compact(State(app): State<App>, caller: Caller) -> Result<Json<Compaction>, Problem> {
    caller.require_operator()?;
    let note = Note::new(&caller.token_id, "compact");
    // The caller's snapshot would keep pages from being free.
    drop(caller);
    let size = |app: App| on_a_thread(move || store_size(&app.engine));
    let before = size(app.clone()).await?;
    app.engine.seal()?.answer().await?;
    app.engine.note(note)?.answer().await?;
    Ok(Json(Compaction { before, after: size(app).await? }))
}

/// Takes what has changed of the files beside the store into use: certificate, zone rules and prices, as SIGHUP does.
///
/// Operator only. Each file is taken as a whole or not at all: after a 409, which says why, what was in use of it stays.
#[utoipa::path(
    post, path = "/v1/reread", tag = "maintenance",
    responses(
        (status = 200, body = Health),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn reread(State(app): State<App>, caller: Caller) -> Result<Json<Health>, Problem> {
    caller.require_operator()?;
    let actor = caller.token_id.clone();
    drop(caller);
    let files = app.clone();
    let refused = on_a_thread(move || Ok::<_, Problem>(files.reread())).await?;
    let refusal = (!refused.is_empty()).then(|| refused.join("; "));
    app.engine.note(Note { refusal, ..Note::new(&actor, "reread") })?.answer().await?;
    if !refused.is_empty() {
        return Err(Problem::new(StatusCode::CONFLICT, refused.join("; ")));
    }
    Ok(health(&app))
}

/// The backups that lie in the directory of scheduled ones, each with the command that restores it.
///
/// Operator only.
#[utoipa::path(
    get, path = "/v1/backups", tag = "maintenance",
    params(ListParameters),
    responses(
        (status = 200, body = BackupList),
    ),
)]
pub async fn backups(State(app): State<App>, listed: Listed) -> Result<Response, Problem> {
    listed.caller.require_operator()?;
    let (directory, backups) = match app.backups() {
        None => (None, Vec::new()),
        Some(place) => {
            let directory = place.directory.clone();
            let found = on_a_thread(move || {
                backups_in(&directory).map_err(|error| {
                    let place = directory.display();
                    let why = format!("backups in {place} cannot be listed: {error}");
                    Problem::new(StatusCode::SERVICE_UNAVAILABLE, why)
                })
            });
            let body = |backup: Backup| BackupBody {
                name: backup.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                bytes: backup.bytes,
                written_at: rfc3339_utc(backup.at),
                restore: format!(
                    "rollcall restore {} --data-dir {} --force",
                    quoted(&backup.path),
                    quoted(&place.data_dir)
                ),
            };
            (Some(place.directory.display().to_string()), found.await?.into_iter().map(body).collect())
        }
    };
    let (backups, next) = listed.part(backups.into_iter())?;
    let list = BackupList { directory, backups, next };
    listed.answer(&TABLE, &list, &list.backups)
}

const TABLE: Table = Table { name: "backups", columns: &["name", "bytes", "writtenAt", "restore"] };

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The whole store as one file, as of the latest commit.
///
/// Operator only. The file is a store of its own: put it in the place of `rollcall.redb`, or use `rollcall restore`. It
/// is copied on the server before the first byte is sent, so a slow reader holds nothing up. It holds the hashes of all
/// tokens.
#[utoipa::path(
    get, path = "/v1/backup", tag = "maintenance",
    responses(
        (status = 200, body = inline(Binary), content_type = "application/octet-stream"),
    ),
)]
pub async fn backup(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    caller.require_operator()?;
    let name = backup_name(&stamp(app.engine.now()));
    let note = Note { target: name.clone(), ..Note::new(&caller.token_id, "backup") };
    drop(caller);
    let engine = app.engine.clone();
    let length = Arc::new(OnceLock::new());
    let known_length = length.clone();
    let body = stream::body(move |out| {
        let mut file = copy(&app)?;
        known_length.get_or_init(|| file.metadata().map(|metadata| metadata.len()).ok());
        loop {
            let read = (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut out.buffer).map_err(|e| unreadable(&e))?;
            if read == 0 {
                return Ok(());
            }
            out.flow()?;
        }
    });
    let body = Body::from(body.await?);
    engine.note(note)?.answer().await?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let disposition = format!("attachment; filename=\"{name}\"");
    headers.insert(header::CONTENT_DISPOSITION, disposition.parse().expect("digits and letters"));
    // With it a client knows when it has half of the file only.
    if let Some(Some(length)) = length.get() {
        headers.insert(header::CONTENT_LENGTH, (*length).into());
    }
    Ok((headers, body).into_response())
}

/// Recomputes everything that the store says twice, as of the latest commit.
///
/// Operator only. Reads the whole store. The answer names the first place that is wrong. The database's checksums of
/// its own pages can only be checked without a server, by `rollcall verify`.
#[utoipa::path(
    post, path = "/v1/verify", tag = "maintenance",
    responses(
        (status = 200, body = Verification),
    ),
)]
pub async fn verify(State(app): State<App>, caller: Caller) -> Result<Json<Verification>, Problem> {
    caller.require_operator()?;
    let (engine, token_id) = (app.engine.clone(), caller.token_id.clone());
    let verification = on_a_thread(move || {
        let _one = alone(&app.checking, "another check is under way; try again when it is done")?;
        match check(&caller.snapshot.reader, &mut |_, _| ()) {
            Ok(verified) => Ok(Verification { damage: None, checked: Some(checked(&verified)) }),
            Err(StoreError::Damaged { what }) => {
                tracing::error!(%what, "a check found damage");
                Ok(Verification { damage: Some(what), checked: None })
            }
            Err(error) => Err(Problem::from(EngineError::from(error))),
        }
    });
    let verification = verification.await?;
    let detail = verification.damage.clone().unwrap_or_default();
    engine.note(Note { detail, ..Note::new(&token_id, "verify") })?.answer().await?;
    Ok(Json(verification))
}

/// Copies the latest commit into a file without a name, which is gone once it is closed, whatever happens.
fn copy(app: &App) -> Result<File, Problem> {
    let _one = alone(&app.copying, "another backup is being copied; try again in a second")?;
    let mut file = match app.engine.directory() {
        Some(directory) => tempfile::tempfile_in(directory),
        None => tempfile::tempfile(),
    }
    .map_err(|e| unreadable(&e))?;
    let snapshot = app.engine.snapshot();
    snapshot.reader.copy_into(&file, &mut |_, _| ()).map_err(EngineError::from)?;
    file.rewind().map_err(|e| unreadable(&e))?;
    Ok(file)
}

/// Makes sure that nothing else of the kind is at work.
pub(super) fn alone<'m>(lock: &'m Mutex<()>, otherwise: &str) -> Result<MutexGuard<'m, ()>, Problem> {
    match lock.try_lock() {
        Ok(guard) => Ok(guard),
        // Its holder panicked; what it guards is a disk's space or time, which is free again.
        Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, otherwise)),
    }
}

fn unreadable(error: &std::io::Error) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("the backup could not be written: {error}"))
}

/// How large a store is now.
pub fn store_size(engine: &Engine) -> Result<StoreSize, EngineError> {
    let contents = engine.snapshot().reader.contents()?;
    let file = engine.directory().map(|directory| directory.join(STORE_FILE));
    Ok(StoreSize {
        // A store that is in no file takes no disk.
        allocated_bytes: file.and_then(|file| allocated_bytes(&file).ok()).unwrap_or_default(),
        periods: contents.periods,
        sealed_rows: contents.sealed_rows,
        open_rows: contents.open_rows,
    })
}

/// What was found to be right, as it travels.
pub fn checked(verified: &Verified) -> Checked {
    Checked {
        entries: verified.entries,
        organizations: verified.organizations,
        periods: verified.contents.periods,
        sealed_rows: verified.contents.sealed_rows,
        open_rows: verified.contents.open_rows,
        ids: verified.ids,
        audit_entries: verified.audit.sequence,
        audit_head: verified.audit.hash_hex(),
    }
}

/// A time as it is in the names of backups, whose order is then that of time: `20260601T101500Z`.
pub fn stamp(at: UnixMs) -> String {
    rfc3339_utc(at).replace(['-', ':'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_command() {
        for (path, expected) in [
            ("/mnt/backups/a.redb", "/mnt/backups/a.redb"),
            ("/my backups/a.redb", "'/my backups/a.redb'"),
            ("/it's/$HOME;", r"'/it'\''s/$HOME;'"),
        ] {
            assert_eq!(quoted(Path::new(path)), expected);
        }
    }

    #[test]
    fn one_backup_one_check_and_one_repricing_at_a_time() {
        let lock = Mutex::new(());
        let first = alone(&lock, "busy").unwrap_or_else(|_| panic!("alone"));
        assert_eq!(alone(&lock, "busy").err().unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
        drop(first);
        let panicked = std::panic::catch_unwind(|| {
            let _held = alone(&lock, "busy");
            panic!("as a bug would");
        });
        assert!(panicked.is_err() && alone(&lock, "busy").is_ok());
    }
}
