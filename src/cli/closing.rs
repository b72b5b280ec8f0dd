//! `rollcall closing`: months that stay as they were handed over.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Failure;
use super::client::escaped;
use super::question::ask_here;
use super::target::{Target, TargetArguments};
use super::zones::ZoneArguments;
use crate::engine::COMMAND;
use crate::http::wire::{ClosingBody, ClosingList, NewClosing};
use crate::http::{close_month, reopen_month};

/// Close months, list closed ones, and open them again
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall closing close --organization acme --month 2026-10 \\
      --data-dir ./data
  rollcall closing list --organization acme --url http://127.0.0.1:8787
  rollcall closing reopen closing_0123456789abcdef --data-dir ./data")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Close a month that is over: its figures stay, and what comes later is an adjustment
    #[command(
        after_help = "Example:\n  rollcall closing close --organization acme --month 2026-10 \\\n      --data-dir ./data"
    )]
    Close {
        /// The organization
        #[arg(long, value_name = "ID", env = "ROLLCALL_ORGANIZATION")]
        organization: String,
        /// The local month, YYYY-MM
        #[arg(long, value_name = "MONTH", env = "ROLLCALL_MONTH")]
        month: String,
        /// IANA time zone of its days; the organization's when left out
        #[arg(long, value_name = "ZONE", env = "ROLLCALL_TIMEZONE")]
        timezone: Option<String>,
        #[command(flatten)]
        zones: ZoneArguments,
        #[command(flatten)]
        target: TargetArguments,
    },
    /// List closed months: organization, month, zone, when and by whom, id
    #[command(after_help = "Example:\n  rollcall closing list --organization acme --data-dir ./data")]
    List {
        /// Only this organization
        #[arg(long, value_name = "ID", env = "ROLLCALL_ORGANIZATION")]
        organization: Option<String>,
        #[command(flatten)]
        target: TargetArguments,
    },
    /// Open a closed month again; its statement says so
    #[command(after_help = "Example:\n  rollcall closing reopen closing_0123456789abcdef --data-dir ./data")]
    Reopen {
        id: String,
        #[command(flatten)]
        target: TargetArguments,
    },
}

pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match arguments.action {
        Action::Close { organization, month, timezone, zones, target } => {
            zones.install()?;
            let new = NewClosing { organization_id: organization, month, timezone };
            let closing: ClosingBody = match target.open(false)? {
                Target::Server(client) => client.post_and_wait("/v1/closings", &new)?,
                Target::Local(engine) => close_month(&engine, new, COMMAND.to_owned(), None)?,
            };
            println!("{}", line(&closing));
        }
        Action::List { organization, target } => {
            let mut path = "/v1/closings".to_owned();
            if let Some(id) = &organization {
                path = format!("{path}?organizationId={}", escaped(id));
            }
            let list: ClosingList = match target.open(false)? {
                Target::Server(client) => client.get(&path)?,
                Target::Local(engine) => {
                    let mut answer = Vec::new();
                    ask_here(&engine, &path, &mut answer)?;
                    serde_json::from_slice(&answer).map_err(|error| Failure(error.to_string()))?
                }
            };
            list.closings.iter().for_each(|closing| println!("{}", line(closing)));
        }
        Action::Reopen { id, target } => match target.open(false)? {
            Target::Server(client) => client.delete(&format!("/v1/closings/{}", escaped(&id)))?,
            Target::Local(engine) => reopen_month(&engine, &id, COMMAND.to_owned(), None)?,
        },
    }
    Ok(ExitCode::SUCCESS)
}

fn line(closing: &ClosingBody) -> String {
    let ClosingBody { id, organization_id, month, timezone, closed_at, closed_by } = closing;
    format!("{organization_id}\t{month}\t{timezone}\t{closed_at}\t{closed_by}\t{id}")
}
