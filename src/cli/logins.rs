//! Where `rollcall login` keeps what it was given: one file for each server, for whoever it is of alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Failure;
use super::client::escaped;
use crate::model::UnixMs;

/// What a server has given.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    pub url: String,
    pub token: String,
    /// From when on it is worth nothing.
    pub expires_unix_ms: UnixMs,
}

impl Login {
    /// What a server has given, if anything.
    pub fn at(url: &str) -> Result<Option<Login>, Failure> {
        let path = path_of(url)?;
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|e| named(&path, &e))?,
        };
        // What is in it is a secret.
        let unreadable = |_| Failure(format!("{} cannot be read; remove it and sign in again", path.display()));
        serde_json::from_str(&text).map(Some).map_err(unreadable)
    }

    pub fn keep(&self) -> Result<PathBuf, Failure> {
        let path = path_of(&self.url)?;
        let folder = path.parent().expect("it is in a folder");
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| named(folder, &e))?;
        // Written under another name first, so that it is whole and never anybody else's to read.
        let unfinished = path.with_extension("new");
        let _ = fs::remove_file(&unfinished);
        let mut file = OpenOptions::new();
        let mut file =
            file.write(true).create_new(true).mode(0o600).open(&unfinished).map_err(|e| named(&unfinished, &e))?;
        let text = serde_json::to_string_pretty(self).expect("texts and a number serialize");
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|e| named(&unfinished, &e))?;
        fs::rename(&unfinished, &path).map_err(|e| named(&path, &e))?;
        Ok(path)
    }

    pub fn forget(&self) -> Result<(), Failure> {
        let path = path_of(&self.url)?;
        fs::remove_file(&path).map_err(|e| named(&path, &e))
    }
}

fn named(path: &Path, error: &std::io::Error) -> Failure {
    Failure(format!("{}: {error}", path.display()))
}

fn path_of(url: &str) -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // By the XDG specification a relative one does not count.
    let settings = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let settings = settings.or_else(|| set("HOME").map(|home| home.join(".config")));
    let settings =
        settings.ok_or_else(|| Failure("neither HOME nor XDG_CONFIG_HOME says where settings are".into()))?;
    Ok(settings.join("rollcall").join("logins").join(format!("{}.json", escaped(url.trim_end_matches('/')))))
}
