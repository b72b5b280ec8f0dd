//! The folder in which a coding agent keeps its session files, read as far as they have come.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use rayon::prelude::*;

use super::{Failure, opencode};
use crate::ingest::transcripts::{Client, MAX_LINE_BYTES, Session};

/// Folders within folders that are looked into: sessions are at most six deep.
const MAX_DEPTH: usize = 16;
/// What is read at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// What is remembered of the bytes before the place up to which a file was read: when others stand there, it is another.
const SEAM_BYTES: usize = 64;

/// Session files of one client, and what has been read of each.
pub struct Home {
    client: Client,
    given: Vec<PathBuf>,
    files: BTreeMap<PathBuf, Followed>,
    /// Whether more may be written to the files: half a line may then become a whole one.
    grows: bool,
}

/// A file that is read as it grows.
struct Followed {
    session: Session,
    known: Known,
    /// Bytes of whole lines that were read.
    offset: u64,
    seam: Vec<u8>,
}

/// By what it is seen that a file has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Known {
    inode: u64,
    size: u64,
    modified: Option<SystemTime>,
    /// Of opencode's log beside the database.
    log: u64,
}

/// What a look at the files found.
#[derive(Default)]
pub struct Look {
    /// Files that were read, and how many bytes of them.
    pub files: usize,
    pub bytes: u64,
    /// Files that could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

impl Home {
    pub fn new(client: Client, given: &[PathBuf], grows: bool) -> Home {
        Home { client, given: given.to_vec(), files: BTreeMap::new(), grows }
    }

    /// The files in order, with what was read of each.
    pub fn sessions(&self) -> impl Iterator<Item = (&Path, &Session)> {
        self.files.iter().map(|(path, followed)| (path.as_path(), &followed.session))
    }

    /// Bytes of the files that a look would read.
    pub fn size(&self) -> Result<u64, Failure> {
        Ok(self.find(&mut Vec::new())?.iter().filter_map(|path| fs::metadata(path).ok()).map(|about| about.len()).sum())
    }

    /// Reads what is new in the files, and forgets those that have gone. `position` is told of bytes read.
    pub fn look(&mut self, position: &AtomicU64) -> Result<Look, Failure> {
        let mut look = Look::default();
        let found = self.find(&mut look.unreadable)?;
        self.files.retain(|path, _| found.binary_search(path).is_ok());
        let changed: Vec<(PathBuf, Known, Option<Followed>)> = found
            .into_iter()
            .filter_map(|path| {
                // Gone between the two looks.
                let known = Known::of(&path, &fs::metadata(&path).ok()?);
                match self.files.get(&path) {
                    Some(followed) if followed.known == known => None,
                    _ => Some((path.clone(), known, self.files.remove(&path))),
                }
            })
            .collect();
        let (client, grows) = (self.client, self.grows);
        let read: Vec<_> = changed
            .into_par_iter()
            .map(|(path, known, followed)| {
                let read = follow(client, &path, known, followed, grows, position);
                (path, read)
            })
            .collect();
        for (path, read) in read {
            match read {
                Ok((followed, bytes)) => {
                    look.files += 1;
                    look.bytes += bytes;
                    self.files.insert(path, followed);
                }
                Err(error) => look.unreadable.push((path, error)),
            }
        }
        Ok(look)
    }

    /// The session files there are, in order, and the folders that could not be looked into.
    fn find(&self, unreadable: &mut Vec<(PathBuf, String)>) -> Result<Vec<PathBuf>, Failure> {
        let mut found = Vec::new();
        for given in &self.given {
            let about = fs::metadata(given).map_err(|e| Failure(format!("{}: {e}", given.display())))?;
            if !about.is_dir() {
                found.push(given.clone());
                continue;
            }
            for folder in folders(self.client, given) {
                walk(&folder, MAX_DEPTH, &mut |path, error| match error {
                    Some(error) => unreadable.push((path.to_owned(), error.to_string())),
                    None if is_session(self.client, path) => found.push(path.to_owned()),
                    None => {}
                });
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}

/// Where session files are below a person's home, a client's, or whatever else is named.
fn folders(client: Client, given: &Path) -> Vec<PathBuf> {
    let (home, within): (&str, &[&str]) = match client {
        Client::ClaudeCode => (".claude", &["projects"]),
        Client::Codex => (".codex", &["sessions", "archived_sessions"]),
        Client::GeminiCli => (".gemini", &["tmp"]),
        Client::QwenCode => (".qwen", &["projects"]),
        Client::Copilot => (".copilot", &["session-state"]),
        Client::Opencode => (".local/share", &["opencode"]),
    };
    for home in [given.to_owned(), given.join(home)] {
        let there: Vec<PathBuf> = within.iter().map(|name| home.join(name)).filter(|folder| folder.is_dir()).collect();
        if !there.is_empty() {
            return there;
        }
    }
    vec![given.to_owned()]
}

fn is_session(client: Client, path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    match client {
        Client::Codex => name.ends_with(".jsonl") || name.ends_with(".jsonl.zst"),
        Client::Opencode => name.ends_with(".db"),
        _ => name.ends_with(".jsonl"),
    }
}

/// Visits the files in a folder and those within it, and what of them cannot be read. Links to folders are not followed:
/// they may lead back.
fn walk(folder: &Path, depth: usize, visit: &mut impl FnMut(&Path, Option<io::Error>)) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // It has gone meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return visit(folder, Some(error)),
    };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if !kind.is_dir() => visit(&entry.path(), None),
            Ok(_) if depth > 0 => walk(&entry.path(), depth - 1, visit),
            _ => {}
        }
    }
}

impl Known {
    fn of(path: &Path, about: &Metadata) -> Known {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let log = fs::metadata(log).map_or(0, |log| log.len());
        Known { inode: about.ino(), size: about.len(), modified: about.modified().ok(), log }
    }
}

/// Reads a file on from where it was read to, or anew where it is no longer the same. How many bytes that were, too.
fn follow(
    client: Client,
    path: &Path,
    known: Known,
    followed: Option<Followed>,
    grows: bool,
    position: &AtomicU64,
) -> Result<(Followed, u64), String> {
    let anew =
        || Followed { session: Session::new(client, &path.to_string_lossy()), known, offset: 0, seam: Vec::new() };
    if client == Client::Opencode {
        let session = opencode::read(path)?;
        position.fetch_add(known.size, Ordering::Relaxed);
        return Ok((Followed { session, ..anew() }, known.size));
    }
    let said = |error: io::Error| error.to_string();
    let mut file = File::open(path).map_err(said)?;
    if path.extension().is_some_and(|ending| ending == "zst") {
        // Such a file is written once, when its session is over.
        let mut followed = anew();
        let mut plain = zstd::Decoder::new(file).map_err(said)?;
        followed.read(&mut plain, false, &AtomicU64::new(0)).map_err(said)?;
        position.fetch_add(known.size, Ordering::Relaxed);
        return Ok((followed, known.size));
    }
    let mut followed = match followed {
        Some(followed) if followed.goes_on(&mut file, &known).map_err(said)? => followed,
        _ => {
            file.seek(SeekFrom::Start(0)).map_err(said)?;
            anew()
        }
    };
    followed.known = known;
    let bytes = followed.read(&mut file, grows, position).map_err(said)?;
    Ok((followed, bytes))
}

impl Followed {
    /// Whether the file is the one that was read, with more behind; it is then at the place where that begins.
    fn goes_on(&self, file: &mut File, known: &Known) -> io::Result<bool> {
        if known.inode != self.known.inode || known.size <= self.offset {
            return Ok(false);
        }
        let start = self.offset - self.seam.len() as u64;
        file.seek(SeekFrom::Start(start))?;
        let mut seam = vec![0; self.seam.len()];
        file.read_exact(&mut seam)?;
        Ok(seam == self.seam)
    }

    /// Takes note of bytes that are done with.
    fn pass(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        self.seam = bytes[bytes.len().saturating_sub(SEAM_BYTES)..].to_vec();
    }

    /// Reads to the end, as far as lines are whole. Half a line stays for the next time, if there is one.
    fn read(&mut self, from: &mut impl Read, grows: bool, position: &AtomicU64) -> io::Result<u64> {
        let (mut buffer, mut held, mut all) = (vec![0; CHUNK_BYTES], 0, 0);
        let mut is_skipping = false;
        loop {
            if held == buffer.len() {
                if held >= MAX_LINE_BYTES {
                    // Without its beginning the line is none.
                    is_skipping = true;
                    self.pass(&buffer[..held]);
                    held = 0;
                } else {
                    buffer.resize(buffer.len() * 2, 0);
                }
            }
            let got = from.read(&mut buffer[held..])?;
            all += got as u64;
            position.fetch_add(got as u64, Ordering::Relaxed);
            if got == 0 {
                break;
            }
            held += got;
            let mut start = 0;
            if is_skipping {
                let Some(end) = memchr::memchr(b'\n', &buffer[..held]) else {
                    self.pass(&buffer[..held]);
                    held = 0;
                    continue;
                };
                is_skipping = false;
                self.session.skip_line();
                start = end + 1;
            }
            let taken = start + self.session.read(&buffer[start..held]);
            if taken > 0 {
                self.pass(&buffer[..taken]);
                buffer.copy_within(taken..held, 0);
                held -= taken;
            }
        }
        if is_skipping {
            self.session.skip_line();
        } else if !grows {
            self.session.read_rest(&buffer[..held]);
        }
        Ok(all)
    }
}
