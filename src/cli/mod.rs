//! The command line: arguments, the operating system's clock, and the order of starting and stopping.
//!
//! Owns one file per command.
//!
//! Does not know how anything works that it starts.
//!
//! Invariants: exit code 0 is done, 1 is "some of the input was rejected or damaged", 2 is "could not run"; what a
//! program may read goes to standard output, everything else to standard error.

#[macro_use]
mod output;

mod agent_settings;
mod answering;
mod backup;
mod change;
mod client;
mod closing;
mod cluster;
mod compact;
mod demo;
mod directory;
mod doctor;
mod durations;
mod explain;
mod export;
mod findings;
mod home;
mod import;
mod ingest;
mod invoice;
mod link;
mod loading;
mod login;
mod logins;
mod long;
mod look;
mod manuals;
mod mcp;
mod opencode;
mod operator_token;
mod parquet_rows;
mod preview;
mod price_files;
mod prices;
mod query;
mod question;
mod reprice;
mod restore;
mod running;
pub mod sample;
mod sample_invoice;
mod serve;
mod sessions;
mod sign_in;
mod source;
mod statement;
mod table;
mod target;
mod token;
mod transcripts;
mod utf16;
mod verify;
mod webhook;
mod zones;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{CommandFactory, Parser, Subcommand};

use crate::calendar::ZoneDatabase;
use crate::engine::Clock;
use crate::pricing::BUILT_IN_LIST_DATE;

/// Why a command could not run, in words for whoever typed it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

macro_rules! failure_from {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Failure {
                Failure(error.to_string())
            }
        }
    )*};
}
failure_from!(
    std::io::Error,
    crate::store::StoreError,
    crate::engine::EngineError,
    crate::engine::MaintenanceError,
    crate::ingest::BodyError,
    crate::http::TlsError,
    crate::cluster::AddressError,
    crate::cluster::ClusterError,
    crate::cluster::ShipError,
    crate::model::Overflow
);

impl From<crate::http::Problem> for Failure {
    fn from(problem: crate::http::Problem) -> Failure {
        Failure(problem.detail)
    }
}

/// LLM spend by team, key, model and person: exact hourly rollups in one binary.
#[derive(Parser)]
#[command(name = "rollcall", version = version(), about, propagate_version = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(Box<serve::Arguments>),
    Demo(demo::Arguments),
    Ingest(ingest::Arguments),
    Import(import::Arguments),
    Query(query::Arguments),
    Explain(explain::Arguments),
    Change(change::Arguments),
    Invoice(invoice::Arguments),
    Export(export::Arguments),
    Closing(closing::Arguments),
    Statement(statement::Arguments),
    Login(login::Arguments),
    Logout(login::Logout),
    Sessions(sessions::Arguments),
    Token(token::Arguments),
    Link(link::Arguments),
    Mcp(mcp::Arguments),
    Directory(directory::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Verify(verify::Arguments),
    Compact(compact::Arguments),
    Reprice(reprice::Arguments),
    Prices(prices::Arguments),
    Webhook(webhook::Arguments),
    Cluster(cluster::Arguments),
    Doctor(doctor::Arguments),
    /// Print the OpenAPI document of the HTTP API.
    #[command(hide = true)]
    Openapi,
    /// Write manual pages and completions of shells, as packages have them.
    #[command(hide = true)]
    Manuals(manuals::Arguments),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Ingest(arguments) => ingest::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Query(arguments) => query::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Change(arguments) => change::run(&arguments),
        Command::Invoice(arguments) => invoice::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Closing(arguments) => closing::run(arguments),
        Command::Statement(arguments) => statement::run(&arguments),
        Command::Login(arguments) => login::run(&arguments),
        Command::Logout(arguments) => login::log_out(&arguments),
        Command::Sessions(arguments) => sessions::run(arguments),
        Command::Token(arguments) => token::run(arguments),
        Command::Link(arguments) => link::run(arguments),
        Command::Mcp(arguments) => mcp::run(&arguments),
        Command::Directory(arguments) => directory::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Compact(arguments) => compact::run(&arguments),
        Command::Reprice(arguments) => reprice::run(&arguments),
        Command::Prices(arguments) => prices::run(&arguments),
        Command::Webhook(arguments) => webhook::run(&arguments),
        Command::Cluster(arguments) => cluster::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Manuals(arguments) => manuals::write(&arguments, Arguments::command()),
        Command::Openapi => {
            print!("{}", crate::http::openapi_json());
            Ok(ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|failure| {
        eprintln!("rollcall: {failure}");
        ExitCode::from(2)
    })
}

fn version() -> &'static str {
    const TEXT: &str = env!("CARGO_PKG_VERSION");
    // Leaked once per process: clap wants a text that outlives everything.
    let (zones, prices) = (ZoneDatabase::built_in().edition(), BUILT_IN_LIST_DATE);
    let text = format!("{TEXT} (time zones {} of {}, list prices of {prices})", zones.version(), zones.date());
    Box::leak(text.into_boxed_str())
}

/// The operating system's clock.
fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
