//! opencode's database, read as lines: one for each row of its table of messages.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::ingest::transcripts::{Client, Session};

/// What the newest rows are in while opencode runs, beside the database.
const LOG: &str = "-wal";
/// Of older versions and of other programs' databases there is none.
const ROWS: &str = "SELECT data FROM message ORDER BY rowid";

/// Reads all messages of a database that somebody else may be writing.
pub fn read(path: &Path) -> Result<Session, String> {
    let log = beside(path, LOG);
    // Without a log nobody writes, and the file is opened as one that does not change: nothing is made beside it.
    if !log.exists() {
        return rows(path, "immutable=1");
    }
    // With one, SQLite may have to make an index of it there. Where it may not, both are read from a copy.
    rows(path, "mode=ro").or_else(|error| {
        let copy = tempfile::tempdir().map_err(|e| e.to_string())?;
        let to = copy.path().join("opencode.db");
        let copied = std::fs::copy(path, &to).and_then(|_| std::fs::copy(&log, beside(&to, LOG)));
        copied.map_err(|_| error)?;
        rows(&to, "mode=rw")
    })
}

fn rows(path: &Path, mode: &str) -> Result<Session, String> {
    let said = |error: rusqlite::Error| error.to_string();
    let path = path.to_str().ok_or("its path is not UTF-8")?;
    let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = match mode {
        "mode=rw" => OpenFlags::SQLITE_OPEN_READ_WRITE,
        _ => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let database = Connection::open_with_flags(format!("file:{escaped}?{mode}"), flags | OpenFlags::SQLITE_OPEN_URI);
    let database = database.map_err(said)?;
    let mut session = Session::new(Client::Opencode, path);
    let mut query = database.prepare(ROWS).map_err(said)?;
    let mut rows = query.query([]).map_err(said)?;
    while let Some(row) = rows.next().map_err(said)? {
        session.read_line(row.get_ref(0).and_then(|value| Ok(value.as_str()?)).map_err(said)?.as_bytes());
    }
    Ok(session)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
