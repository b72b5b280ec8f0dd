//! `rollcall backup`: a copy of the whole store, also while it is served.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use indicatif::{HumanBytes, HumanCount};

use super::long::{Bar, Interruption, damage_found};
use super::target::{Target, TargetArguments};
use super::{Failure, system_clock};
use crate::engine::{STORE_FILE, backup_name};
use crate::http::backup_stamp;
use crate::store::{Store, StoreError};

/// Copy the whole store into one file, also while a server has it open
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall backup /mnt/backups --data-dir ./data
  ROLLCALL_TOKEN=rc_operator_… rollcall backup monday.redb \\
      --url http://127.0.0.1:8787

The file is written on the machine where this runs, checked, synced, and only then given its
name, which is printed. Nothing that exists is overwritten. Exit code 1 says that the store is
damaged; there is no backup then.")]
pub struct Arguments {
    /// A directory, which must exist, for rollcall-TIME.redb; or a file name that ends in .redb
    #[arg(value_name = "DEST", env = "ROLLCALL_BACKUP_DEST")]
    destination: PathBuf,
    #[command(flatten)]
    target: TargetArguments,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let destination = file_name(&arguments.destination)?;
    let target = arguments.target.open_with(false, |directory| match Store::inspect(&directory.join(STORE_FILE)) {
        Err(StoreError::Damaged { what }) => Ok(Err(what)),
        other => other.map(Ok),
    })?;
    let file = Interruption::new()?.create(&destination, false)?;
    match target {
        Target::Local(Err(what)) => return Ok(damage_found(&what)),
        Target::Local(Ok(store)) => {
            let bar = Bar::new("copying");
            if let Err(error) = file.copy(&store.reader()?, &mut |done, all| bar.at(done, all)) {
                return damage_or_failure(error);
            }
        }
        Target::Server(client) => {
            let bar = Bar::new("waiting for the server's copy");
            client.download("/v1/backup", file.file(), |got, all| bar.at(got, all.unwrap_or(got)))?;
        }
    }
    let verified = {
        let bar = Bar::new("checking");
        match file.verify(&mut |done, all| bar.at(done, all)) {
            Ok(verified) => verified,
            Err(error) => return damage_or_failure(error),
        }
    };
    let bytes = crate::engine::allocated_bytes(file.partial_path())?;
    file.finish(false)?;
    println!("{}", destination.display());
    eprintln!(
        "{} with {} entries, checked, in {:.1} s",
        HumanBytes(bytes),
        HumanCount(verified.entries),
        started.elapsed().as_secs_f64()
    );
    Ok(ExitCode::SUCCESS)
}

/// The file meant by DEST.
fn file_name(destination: &Path) -> Result<PathBuf, Failure> {
    if destination.is_dir() {
        let stamp = backup_stamp(system_clock()());
        // Two in one second have the same time.
        let stamps = std::iter::once(stamp.clone()).chain((2..).map(|number| format!("{stamp}-{number}")));
        let mut paths = stamps.map(|stamp| destination.join(backup_name(&stamp)));
        return Ok(paths.find(|path| fs::symlink_metadata(path).is_err()).expect("numbers do not end"));
    }
    let named = destination.display();
    if destination.extension().is_none_or(|extension| extension != "redb") {
        return Err(Failure(format!("{named} is no directory, and as a file name it must end in .redb")));
    }
    if fs::symlink_metadata(destination).is_ok() {
        return Err(Failure(format!("{named} exists; name a file that does not")));
    }
    Ok(destination.to_owned())
}

fn damage_or_failure(error: StoreError) -> Result<ExitCode, Failure> {
    match error {
        StoreError::Damaged { what } => Ok(damage_found(&what)),
        other => Err(other.into()),
    }
}
