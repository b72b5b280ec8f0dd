//! `rollcall restore`: a backup in the place of the store.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::HumanCount;

use super::long::{Bar, Interruption, damage_found};
use super::{Failure, system_clock};
use crate::engine::{RestoreError, restore};
use crate::store::StoreError;

/// Put a backup in the place of the store; no server may be running on it
#[derive(Args)]
#[command(after_help = "Example:
  rollcall restore /mnt/backups/rollcall-20260601T101500Z.redb \\
      --data-dir ./data

The backup is checked first and the store replaced in one step, so an interruption leaves what
was there. Exit code 1 says that the backup is damaged; nothing was changed then.")]
pub struct Arguments {
    /// The backup
    #[arg(value_name = "SRC", env = "ROLLCALL_RESTORE_SRC")]
    source: PathBuf,
    /// The store's directory; made when absent
    #[arg(long, value_name = "DIR", env = "ROLLCALL_DATA_DIR")]
    data_dir: PathBuf,
    /// Replace a store that is not empty
    #[arg(long, env = "ROLLCALL_FORCE", value_parser = clap::builder::FalseyValueParser::new())]
    force: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let bar = Bar::new("restoring");
    let interruption = Interruption::new()?;
    let restored = restore(
        &arguments.source,
        &arguments.data_dir,
        arguments.force,
        system_clock()(),
        |destination, replace| interruption.create(destination, replace),
        &mut |done, all| bar.at(done, all),
    );
    drop(bar);
    match restored {
        Ok(verified) => {
            eprintln!(
                "{} entries restored and checked; start the server on {}",
                HumanCount(verified.entries),
                arguments.data_dir.display()
            );
            Ok(ExitCode::SUCCESS)
        }
        Err(RestoreError::Source { path, error: StoreError::Damaged { what } }) => {
            Ok(damage_found(&format!("{}: {what}", path.display())))
        }
        Err(error) => Err(Failure(error.to_string())),
    }
}
