//! `rollcall link`: answers by an address alone, for spreadsheets and databases.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::client::escaped;
use super::target::{Target, TargetArguments};
use super::{Failure, system_clock};
use crate::directory::Change;
use crate::engine::COMMAND;
use crate::http::wire::{CreatedLink, LinkFormatName, LinkList, NewLink};
use crate::http::{link_note, list_links};

/// Make, list and revoke links: addresses that answer one question without a token
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall link create '/analytics/activity?groupBy=team&range=this-month' \\
      --organization acme --format csv \\
    --url http://127.0.0.1:8787
  rollcall link list --data-dir ./data
  rollcall link revoke lnk_0123456789abcdef --data-dir ./data")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a link and print its address, the only time it is shown
    #[command(after_help = "Example:
  rollcall link create '/analytics/export?range=last-30-days' \\
      --organization acme --format parquet \\
    --url http://127.0.0.1:8787

Whoever has the address gets what the token that it was made with may see, and nothing once that
token is revoked.")]
    Create {
        /// Path and query of a question of the API
        question: String,
        /// The organization whose usage it shows
        #[arg(long, value_name = "ID", env = "ROLLCALL_ORGANIZATION")]
        organization: String,
        #[arg(long, value_name = "NAME", env = "ROLLCALL_FORMAT", value_enum, default_value_t = Format::Csv)]
        format: Format,
        /// From when on it is worth nothing, such as 2027-01-31T00:00:00Z; never unless given
        #[arg(long, value_name = "TIME", env = "ROLLCALL_EXPIRES")]
        expires: Option<String>,
        #[command(flatten)]
        target: TargetArguments,
    },
    /// List links, without their addresses: id, organization, status, when made, last used and worth nothing, question
    #[command(after_help = "Example:\n  rollcall link list --data-dir ./data")]
    List {
        #[command(flatten)]
        target: TargetArguments,
    },
    /// Revoke a link: its address opens nothing any more
    #[command(after_help = "Example:\n  rollcall link revoke lnk_0123456789abcdef --data-dir ./data")]
    Revoke {
        id: String,
        #[command(flatten)]
        target: TargetArguments,
    },
}

/// In which form a link answers
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Json,
    Parquet,
}

pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match arguments.action {
        Action::Create { question, organization, format, expires, target } => {
            let format = match format {
                Format::Csv => LinkFormatName::Csv,
                Format::Json => LinkFormatName::Json,
                Format::Parquet => LinkFormatName::Parquet,
            };
            let Target::Server(client) = target.open(false)? else {
                return Err(Failure(
                    "a link answers for as long as the token does that it was made with, so a server has to make it: \
                     start one, or name it with --url and ROLLCALL_TOKEN"
                        .into(),
                ));
            };
            let new = NewLink { organization_id: organization, question, format, expires };
            let created: CreatedLink = client.post("/v1/links", &new)?;
            eprintln!("link {} (its address is not shown again):", created.id);
            println!("{}", created.url);
        }
        Action::List { target } => {
            let list: LinkList = match target.open(false)? {
                Target::Server(client) => client.get("/v1/links")?,
                Target::Local(engine) => list_links(&engine.snapshot().directory, None, system_clock()()),
            };
            for link in list.links {
                let status = format!("{:?}", link.status).to_lowercase();
                let never = || "-".to_owned();
                let times = [Some(link.created_at), link.last_used_at, link.expires];
                let times = times.map(|time| time.unwrap_or_else(never)).join("\t");
                println!("{}\t{}\t{status}\t{times}\t{}", link.id, link.organization_id, link.question);
            }
        }
        Action::Revoke { id, target } => match target.open(false)? {
            Target::Server(client) => client.delete(&format!("/v1/links/{}", escaped(&id)))?,
            Target::Local(engine) => {
                let change = Change::RemoveLink { id };
                let note = link_note(COMMAND, &change, &engine.snapshot().directory);
                engine.audited(change, note)?.wait()?;
            }
        },
    }
    Ok(ExitCode::SUCCESS)
}
