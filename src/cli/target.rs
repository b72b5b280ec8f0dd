//! Where a command works: on a store's files, or on the server that has them open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::client::Client;
use super::logins::Login;
use super::{Failure, system_clock};
use crate::engine::{Engine, STORE_FILE};
use crate::store::StoreError;

/// While a server runs, its address is in this file beside the store.
pub const ADDRESS_FILE: &str = "server.url";
/// The token made at the first start.
pub const TOKEN_FILE: &str = "operator.token";

#[derive(Args)]
pub struct TargetArguments {
    /// The store's directory
    #[arg(long, value_name = "DIR", env = "ROLLCALL_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// A running server, instead of --data-dir
    #[arg(long, value_name = "URL", env = "ROLLCALL_URL")]
    pub url: Option<String>,
    /// Access token for the server; what rollcall login was given unless set
    #[arg(long, value_name = "TOKEN", env = "ROLLCALL_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

/// The store's files, opened here in one way or another, or the server that has them open.
pub enum Target<T = Arc<Engine>> {
    Local(T),
    Server(Client),
}

/// What `rollcall login` was given.
fn token_of_login(url: &str) -> Result<String, Failure> {
    match Login::at(url)? {
        Some(login) if system_clock()() < login.expires_unix_ms => Ok(login.token),
        Some(_) => Err(Failure(format!("your sign-in to {url} has expired; run 'rollcall login --url {url}'"))),
        None => Err(Failure(format!(
            "a server needs an access token: set ROLLCALL_TOKEN or --token, or run 'rollcall login --url {url}'"
        ))),
    }
}

impl TargetArguments {
    pub fn is_given(&self) -> bool {
        self.data_dir.is_some() || self.url.is_some()
    }

    /// The server when one is named or has the store open; the files otherwise.
    ///
    /// A store that does not exist is made only with `create`: a mistyped directory should not become one.
    pub fn open(&self, create: bool) -> Result<Target, Failure> {
        self.open_with(create, |directory| Engine::open(directory, system_clock()).map(Arc::new))
    }

    /// The same with another way of opening the files, such as one that changes nothing.
    pub fn open_with<T>(
        &self,
        create: bool,
        open: impl FnOnce(&Path) -> Result<T, StoreError>,
    ) -> Result<Target<T>, Failure> {
        if let Some(url) = &self.url {
            let token = self.token.clone().map_or_else(|| token_of_login(url), Ok)?;
            return Ok(Target::Server(Client::new(url, token)));
        }
        let Some(directory) = self.data_dir.as_deref() else {
            return Err(Failure("name the store with --data-dir DIR, or a running server with --url URL".into()));
        };
        if !directory.join(STORE_FILE).exists() {
            if !create {
                return Err(Failure(format!("there is no store in {}", directory.display())));
            }
            std::fs::create_dir_all(directory).map_err(|e| Failure(format!("{}: {e}", directory.display())))?;
        }
        match open(directory) {
            Ok(local) => Ok(Target::Local(local)),
            Err(StoreError::Locked) => Ok(Target::Server(self.server_of(directory)?)),
            Err(error) => Err(Failure(format!("{}: {error}", directory.display()))),
        }
    }

    fn server_of(&self, directory: &Path) -> Result<Client, Failure> {
        let read = |name| std::fs::read_to_string(directory.join(name)).ok().map(|text| text.trim().to_owned());
        let token = self.token.clone().or_else(|| read(TOKEN_FILE));
        match (read(ADDRESS_FILE), token) {
            (Some(url), Some(token)) => Ok(Client::local(&url, token)),
            _ => Err(Failure(format!(
                "the store in {} is in use by another process; stop it, or name its server with --url and ROLLCALL_TOKEN",
                directory.display()
            ))),
        }
    }
}
