//! Where a command works: on a store's files, or on the server that has them open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::client::Client;
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
    #[arg(long, value_name = "DIR", env = "ROLLCALL_DATA_DIR", required_unless_present = "url")]
    pub data_dir: Option<PathBuf>,
    /// A running server, instead of --data-dir
    #[arg(long, value_name = "URL", env = "ROLLCALL_URL")]
    pub url: Option<String>,
    /// Access token for the server
    #[arg(long, value_name = "TOKEN", env = "ROLLCALL_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

pub enum Target {
    Local(Arc<Engine>),
    Server(Client),
}

impl TargetArguments {
    /// The server when one is named or has the store open; the files otherwise.
    ///
    /// A store that does not exist is made only with `create`: a mistyped directory should not become one.
    pub fn open(&self, create: bool) -> Result<Target, Failure> {
        if let Some(url) = &self.url {
            let token = self
                .token
                .clone()
                .ok_or_else(|| Failure("a server needs an access token: set ROLLCALL_TOKEN or --token".into()))?;
            return Ok(Target::Server(Client::new(url, token)));
        }
        let directory = self.data_dir.as_deref().expect("clap asks for one of the two");
        if !directory.join(STORE_FILE).exists() {
            if !create {
                return Err(Failure(format!("there is no store in {}", directory.display())));
            }
            std::fs::create_dir_all(directory).map_err(|e| Failure(format!("{}: {e}", directory.display())))?;
        }
        match Engine::open(directory, system_clock()) {
            Ok(engine) => Ok(Target::Local(Arc::new(engine))),
            Err(StoreError::Locked) => self.server_of(directory),
            Err(error) => Err(Failure(format!("{}: {error}", directory.display()))),
        }
    }

    fn server_of(&self, directory: &Path) -> Result<Target, Failure> {
        let read = |name| std::fs::read_to_string(directory.join(name)).ok().map(|text| text.trim().to_owned());
        let token = self.token.clone().or_else(|| read(TOKEN_FILE));
        match (read(ADDRESS_FILE), token) {
            (Some(url), Some(token)) => Ok(Target::Server(Client::new(&url, token))),
            _ => Err(Failure(format!(
                "the store in {} is in use by another process; stop it, or name its server with --url and ROLLCALL_TOKEN",
                directory.display()
            ))),
        }
    }
}
