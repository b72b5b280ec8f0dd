//! `rollcall compact`: days that are over sealed, free space given back.

use std::process::ExitCode;

use clap::Args;
use indicatif::{HumanBytes, HumanCount};

use super::Failure;
use super::long::Bar;
use super::target::{Target, TargetArguments};
use crate::engine::{COMMAND, Note, STORE_FILE, allocated_bytes};
use crate::http::store_size;
use crate::http::wire::{Compaction, StoreSize};
use crate::store::Store;

/// Seal every day that is over and give space back
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall compact --data-dir ./data
  ROLLCALL_TOKEN=rc_operator_… rollcall compact --url http://127.0.0.1:8787

A running server seals; that alone leaves the file as large as it is, with free space in it that
is used again. Without a server the file is made smaller, too.")]
pub struct Arguments {
    #[command(flatten)]
    target: TargetArguments,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let bar = Bar::new("sealing");
    let compaction = match arguments.target.open(false)? {
        Target::Server(client) => client.post_and_wait("/v1/compact", &())?,
        Target::Local(engine) => {
            let before = store_size(&engine)?;
            engine.seal()?.wait()?;
            engine.note(Note::new(COMMAND, "compact"))?.wait()?;
            let after = store_size(&engine)?;
            // The database gives space back only while nothing else has it open.
            let path = engine.directory().map(|directory| directory.join(STORE_FILE)).expect("opened in a directory");
            drop(engine);
            drop(bar);
            let _bar = Bar::new("giving space back");
            Store::open(&path)?.compact()?;
            Compaction { before, after: StoreSize { allocated_bytes: allocated_bytes(&path)?, ..after } }
        }
    };
    for (when, size) in [("before", compaction.before), ("after ", compaction.after)] {
        println!(
            "{when}  {} on disk, {} sealed periods with {} rows, {} open rows",
            HumanBytes(size.allocated_bytes),
            HumanCount(size.periods),
            HumanCount(size.sealed_rows),
            HumanCount(size.open_rows),
        );
    }
    Ok(ExitCode::SUCCESS)
}
