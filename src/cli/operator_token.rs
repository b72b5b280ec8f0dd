//! The operator's token as a server starts with it.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::Failure;
use super::target::TOKEN_FILE;
use crate::directory::Secret;

/// The operator's token and where it is from, if the environment has it.
pub fn operator_token_of_environment() -> Result<Option<(String, String)>, Failure> {
    const PLACE: &str = "ROLLCALL_OPERATOR_TOKEN";
    std::env::var(PLACE).ok().map(|token| usable(token, PLACE.to_owned())).transpose()
}

fn usable(token: String, place: String) -> Result<(String, String), Failure> {
    match token.trim() {
        "" => Err(Failure(format!("the operator's token in {place} is empty; use a long random text"))),
        token => {
            if token.len() < 16 {
                tracing::warn!("the operator's token in {place} is shorter than 16 characters: it can be guessed");
            }
            Ok((token.to_owned(), place))
        }
    }
}

/// The operator's token and where it is from: the environment, else its file, made at the first start.
pub fn operator_token(directory: &Path) -> Result<(String, String), Failure> {
    if let Some(token) = operator_token_of_environment()? {
        return Ok(token);
    }
    let path = directory.join(TOKEN_FILE);
    let named = |e: std::io::Error| Failure(format!("{}: {e}", path.display()));
    if path.exists() {
        return usable(fs::read_to_string(&path).map_err(named)?, path.display().to_string());
    }
    // Written under another name first: a crash must not leave half a token behind.
    let unfinished = directory.join(format!("{TOKEN_FILE}.new"));
    let secret = Secret::generate("rc_operator_");
    let mut options = fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(options.write(true).create(true).truncate(true), 0o600);
    let mut file = options.open(&unfinished).map_err(named)?;
    file.write_all(format!("{}\n", secret.reveal()).as_bytes()).and_then(|()| file.sync_all()).map_err(named)?;
    fs::rename(&unfinished, &path).map_err(named)?;
    tracing::info!(file = %path.display(), "made the operator's token");
    Ok((secret.reveal().to_owned(), path.display().to_string()))
}
