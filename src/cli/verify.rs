//! `rollcall verify`: everything a store says twice, recomputed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::HumanCount;

use super::Failure;
use super::long::{Bar, damage_found};
use super::target::{Target, TargetArguments};
use crate::engine::{STORE_FILE, check};
use crate::http::checked;
use crate::http::wire::Verification;
use crate::store::{Store, StoreError};

/// Recompute everything a store says twice, and name the first place that is wrong
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall verify --data-dir ./data
  rollcall verify /mnt/backups/rollcall-20260601T101500Z.redb
  ROLLCALL_TOKEN=rc_operator_… rollcall verify --url http://127.0.0.1:8787

Nothing is changed. Through a running server all is checked but the database's checksums of
its own pages. Exit code 0 says that all is right, 1 that damage was found, 2 that it could not
be checked.")]
pub struct Arguments {
    /// A backup; then neither --data-dir nor --url counts
    #[arg(value_name = "FILE", env = "ROLLCALL_VERIFY_FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArguments,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let bar = Bar::new("checking");
    let look = |path: &std::path::Path| match Store::inspect(path).and_then(|store| {
        let reader = store.reader()?;
        check(&reader, &mut |done, all| bar.at(done, all))
    }) {
        Ok(verified) => Ok(Verification { damage: None, checked: Some(checked(&verified)) }),
        Err(StoreError::Damaged { what }) => Ok(Verification { damage: Some(what), checked: None }),
        Err(other) => Err(other),
    };
    let verification = match &arguments.file {
        Some(file) => look(file).map_err(|e| Failure(format!("{}: {e}", file.display())))?,
        None => match arguments.target.open_with(false, |directory| look(&directory.join(STORE_FILE)))? {
            Target::Local(verification) => verification,
            Target::Server(client) => client.post_and_wait("/v1/verify", &())?,
        },
    };
    drop(bar);
    if let Some(what) = &verification.damage {
        return Ok(damage_found(what));
    }
    let Some(found) = verification.checked else {
        return Err(Failure("the server did not say what it checked".into()));
    };
    println!(
        "all is right: {} entries; {} organizations, {} sealed periods with {} rows, {} open rows, {} ids\n\
         audit log: {} entries, the last has the hash {}",
        HumanCount(found.entries),
        HumanCount(found.organizations),
        HumanCount(found.periods),
        HumanCount(found.sealed_rows),
        HumanCount(found.open_rows),
        HumanCount(found.ids),
        HumanCount(found.audit_entries),
        found.audit_head,
    );
    Ok(ExitCode::SUCCESS)
}
