//! `rollcall prices`: list prices of another day.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::de::IgnoredAny;

use super::price_files::{read_file, read_list};
use super::reprice::figures_of;
use super::target::{Target, TargetArguments};
use super::{Failure, system_clock};
use crate::calendar::Zone;
use crate::engine::{COMMAND, NewFile, Prices};
use crate::http::reprice;
use crate::http::wire::{RepriceAnswer, RepriceBody};
use crate::model::{FIRST_HOUR, PicoUsd};
use crate::pricing::{Change, ListPrices, PriceBook};
use crate::store::Repriced;

/// Look at list prices and replace them
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall prices update data.json \\
      --list-prices /var/lib/rollcall/list-prices.json --dry-run
  rollcall prices update data.json \\
      --list-prices /var/lib/rollcall/list-prices.json \\
      --data-dir /var/lib/rollcall")]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Check a file of list prices, say what changes, and put it where the one in use is
    #[command(after_help = "Example:
  rollcall prices update data.json \\
      --list-prices /var/lib/rollcall/list-prices.json \\
      --data-dir /var/lib/rollcall

FILE is the data.json that the project genai-prices publishes. The file in use is replaced as a
whole; where there is none yet, it is compared with the list compiled in. With --data-dir or --url
a running server is told to use it, and the requests are counted that were unpriced and have a
price now. What was counted keeps its price until rollcall reprice is asked.")]
    Update {
        /// The new list
        file: PathBuf,
        /// The file in use, as rollcall serve has it in --list-prices
        #[arg(long, value_name = "FILE", env = "ROLLCALL_LIST_PRICES")]
        list_prices: PathBuf,
        /// Only say what changes
        #[arg(long, env = "ROLLCALL_DRY_RUN", value_parser = clap::builder::FalseyValueParser::new())]
        dry_run: bool,
        #[command(flatten)]
        target: TargetArguments,
    },
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let What::Update { file, list_prices, dry_run, target } = &arguments.what;
    let newer = read_list(file)?;
    let in_use = if list_prices.exists() { read_list(list_prices)? } else { ListPrices::built_in() };
    let changes = in_use.changes(&newer, system_clock()());
    for (provider, model, change) in &changes {
        println!("{:<8} {provider} {model}", word(*change));
    }
    eprintln!("in use: {in_use}");
    eprintln!("new:    {newer}");
    let count = |wanted: Change| changes.iter().filter(|(_, _, change)| *change == wanted).count();
    let counts = [Change::Known, Change::Dearer, Change::Cheaper, Change::Changed, Change::Gone];
    let counts: Vec<String> = counts.into_iter().map(|change| format!("{} {}", count(change), word(change))).collect();
    eprintln!("models: {}", counts.join(", "));
    if *dry_run {
        eprintln!("nothing was replaced; leave out --dry-run to do it");
        return Ok(ExitCode::SUCCESS);
    }
    replace(file, list_prices)?;
    eprintln!("replaced {}", list_prices.display());
    if target.is_given() {
        offer(target, list_prices)?;
    } else {
        eprintln!(
            "a running server takes it on SIGHUP; rollcall reprice --dry-run says what unpriced requests come to then"
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Has the new list used, and says what the unpriced requests come to that have a price now.
fn offer(target: &TargetArguments, list_prices: &Path) -> Result<(), Failure> {
    let (from, to) = (Zone::UTC.date_at(FIRST_HOUR.start_ms()), Zone::UTC.date_at(system_clock()()).plus_days(1));
    let body = RepriceBody {
        from: from.to_string(),
        to: to.to_string(),
        organization_ids: Vec::new(),
        models: Vec::new(),
        all: false,
        dry_run: true,
    };
    let answer: RepriceAnswer = match target.open(false)? {
        Target::Server(client) => {
            client.post_and_wait::<IgnoredAny>("/v1/reread", &())?;
            client.post_and_wait("/v1/reprice", &body)?
        }
        Target::Local(engine) => {
            let book = PriceBook::list_only(read_list(list_prices)?);
            let prices: Prices = Arc::new(move |provider, model, at, m| book.price(provider, model, at, m));
            reprice(&engine, prices, body, COMMAND, &mut |_, _| ())?
        }
    };
    let mut found = Repriced::default();
    for model in &answer.models {
        found.add(&figures_of(model)?)?;
    }
    match found.newly_priced {
        0 => eprintln!("no unpriced request has a price now"),
        requests => eprintln!(
            "{requests} unpriced requests have a price now, {} USD in all; this books it:\n  \
             rollcall reprice --from {from} --to {to}",
            PicoUsd(found.after - found.before)
        ),
    }
    Ok(())
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Known => "known",
        Change::Gone => "gone",
        Change::Dearer => "dearer",
        Change::Cheaper => "cheaper",
        Change::Changed => "changed",
    }
}

/// Puts a list in the place of the one in use, with the time at which it was written, by which its age is told.
fn replace(file: &Path, in_use: &Path) -> Result<(), Failure> {
    let named = |e: &dyn std::fmt::Display| Failure(format!("{}: {e}", in_use.display()));
    let (json, written) = read_file(file).map_err(|e| named(&e))?;
    let new = NewFile::create(in_use, true)?;
    // The server that reads it may run as somebody else.
    let mode = fs::metadata(in_use).map_or(Permissions::from_mode(0o644), |about| about.permissions());
    let mut to = new.file();
    let ready = to.write_all(&json).and_then(|()| to.set_permissions(mode)).and_then(|()| to.set_modified(written));
    ready.map_err(|e| named(&e))?;
    Ok(new.finish(true)?)
}
