//! `rollcall directory`: organizations, projects, members and keys as one JSON file, and tables of assignments.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde::de::DeserializeOwned;

use super::target::{Target, TargetArguments};
use super::zones::ZoneArguments;
use super::{Failure, system_clock};
use crate::calendar::{Date, Zone};
use crate::directory::Change;
use crate::engine::{COMMAND, Note};
use crate::http::wire::{DirectoryAnswer, DirectoryBody, DirectoryPreview, PreviewEntry};
use crate::http::{App, Object, directory_export, directory_update, post_and_wait};

/// Days that a preview looks back at most: what activity answers by month.
const DAYS: i64 = 3650;

/// Read or write organizations, projects, members and keys as one JSON file
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall directory export --data-dir ./data > directory.json
  rollcall directory import directory.json --url http://127.0.0.1:8787
  rollcall directory import-assignments teams.csv --organization acme \\
      --dry-run --data-dir ./data")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Print the directory
    #[command(after_help = "Example:\n  rollcall directory export --data-dir ./data > directory.json")]
    Export {
        #[command(flatten)]
        target: TargetArguments,
    },
    /// Merge a file into the directory
    #[command(after_help = "Example:\n  rollcall directory import directory.json --url http://127.0.0.1:8787")]
    Import {
        /// The file; - is standard input
        file: PathBuf,
        #[command(flatten)]
        target: TargetArguments,
    },
    /// Assign keys, projects and people to teams, from a CSV
    #[command(after_help = "Example:
  rollcall directory import-assignments teams.csv --organization acme \\
      --dry-run --data-dir ./data

A header names the columns: key, project or email (one of them on each line), team, from, and if
you like costCentre and to. Keys, projects and teams go by id, or by a name that no other has.
The file is taken whole, or lines that are wrong are named. See docs/teams.md.")]
    ImportAssignments {
        /// The file; - is standard input
        file: PathBuf,
        /// Whose they are
        #[arg(long, value_name = "ID", env = "ROLLCALL_ORGANIZATION")]
        organization: String,
        /// Make teams that are not there
        #[arg(long, env = "ROLLCALL_NEW_TEAMS", value_parser = clap::builder::FalseyValueParser::new())]
        new_teams: bool,
        /// Only show what moves: the cost by team before and after
        #[arg(long, env = "ROLLCALL_DRY_RUN", value_parser = clap::builder::FalseyValueParser::new())]
        dry_run: bool,
        /// First day of what is shown; the first that an assignment begins on when left out
        #[arg(long, value_name = "DAY", env = "ROLLCALL_FROM", requires = "dry_run")]
        from: Option<String>,
        /// Last day of what is shown; today when left out
        #[arg(long, value_name = "DAY", env = "ROLLCALL_TO", requires = "dry_run")]
        to: Option<String>,
        #[command(flatten)]
        zones: ZoneArguments,
        #[command(flatten)]
        target: TargetArguments,
    },
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    match &arguments.action {
        Action::Export { target } => {
            let body = target.open(false)?.directory(None)?;
            println!("{}", serde_json::to_string_pretty(&body).expect("text serializes"));
        }
        Action::Import { file, target } => {
            let named = |e: &dyn std::fmt::Display| Failure(format!("{}: {e}", file.display()));
            let Object(body): Object<DirectoryBody> = serde_json::from_slice(&read(file)?).map_err(|e| named(&e))?;
            say(&target.open(true)?.merge(body)?);
        }
        Action::ImportAssignments { file, organization, new_teams, dry_run, from, to, zones, target } => {
            zones.install()?;
            let body = read(file)?;
            let target = target.open(false)?;
            let query =
                [("organizationId", organization.as_str()), ("newTeams", if *new_teams { "true" } else { "false" })];
            let read: DirectoryBody = target
                .post(&path("/v1/directory/assignments/read", query), "text/csv", body)
                .map_err(|Failure(what)| Failure(format!("{}: {what}", file.display())))?;
            if *dry_run {
                let preview = preview(&target, organization, (from.as_deref(), to.as_deref()), &read)?;
                show(&preview);
            } else {
                say(&target.merge(read)?);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let done = match file == Path::new("-") {
        true => std::io::stdin().read_to_end(&mut bytes).map(drop),
        false => std::fs::read(file).map(|read| bytes = read),
    };
    done.map_err(|e| Failure(format!("{}: {e}", file.display())))?;
    Ok(bytes)
}

fn path<'a>(path: &str, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    format!("{path}?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish())
}

impl Target {
    fn directory(&self, only: Option<&str>) -> Result<DirectoryBody, Failure> {
        match self {
            Target::Server(client) => {
                client.get(&path("/v1/directory", only.map(|organization| ("organizationId", organization))))
            }
            Target::Local(engine) => Ok(directory_export(&engine.snapshot().directory, only)),
        }
    }

    fn merge(&self, body: DirectoryBody) -> Result<DirectoryAnswer, Failure> {
        match self {
            Target::Server(client) => client.put("/v1/directory", &body),
            Target::Local(engine) => {
                let note = Note::new(COMMAND, "directory-change");
                let outcome = engine.audited(Change::Merge(directory_update(body)?), note)?.wait()?;
                Ok(DirectoryAnswer { written: outcome.changed })
            }
        }
    }

    /// Asks something that has a body, and changes nothing.
    fn post<T: DeserializeOwned>(&self, path: &str, content_type: &str, body: Vec<u8>) -> Result<T, Failure> {
        match self {
            Target::Server(client) => client.post_as(path, content_type, &body),
            Target::Local(engine) => {
                let mut answer = Vec::new();
                post_and_wait(App::for_one_question(engine.clone()), path, content_type, body, &mut answer)?;
                serde_json::from_slice(&answer).map_err(|e| Failure(format!("an answer in an unknown form: {e}")))
            }
        }
    }
}

/// What assignments would move, in days of the organization.
fn preview(
    target: &Target,
    organization: &str,
    (from, to): (Option<&str>, Option<&str>),
    read: &DirectoryBody,
) -> Result<DirectoryPreview, Failure> {
    let known = target.directory(Some(organization))?;
    let zone = Zone::home(known.organizations.first().and_then(|of| of.timezone.as_deref()));
    let today = zone.date_at(system_clock()());
    let to = to.map_or(today.to_string(), str::to_owned);
    let begins = read.assignments.iter().filter_map(|assignment| Date::parse(&assignment.from)).min();
    let first = begins.map_or(today, |begins| begins.min(today).max(today.plus_days(1 - DAYS)));
    let from = from.map_or(first.to_string(), str::to_owned);
    let query = [("organizationId", organization), ("from", &from), ("to", &to), ("timezone", zone.name())];
    let body = serde_json::to_vec(read).expect("text serializes");
    target.post(&path("/v1/directory/preview", query), "application/json", body)
}

fn say(answer: &DirectoryAnswer) {
    eprintln!("{} entries written", answer.written);
}

fn show(preview: &DirectoryPreview) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let right = |text: &str| Cell::new(text).set_alignment(CellAlignment::Right);
    let figures = ["before USD", "after USD", "difference USD"];
    table.set_header([Cell::new("team")].into_iter().chain(figures.map(right)));
    for PreviewEntry { label, before, after, difference, .. } in &preview.entries {
        table.add_row(
            [Cell::new(label)].into_iter().chain([&before.cost, &after.cost, difference].map(|usd| right(usd.get()))),
        );
    }
    let total = preview.totals.cost.get();
    table.add_row([Cell::new("total")].into_iter().chain([total, total, "0"].map(right)));
    println!("{} to {}, days in {}", preview.from, preview.to, preview.timezone);
    println!("{table}");
    let (written, moved) = (preview.written, preview.moved.get());
    eprintln!(
        "{written} entries would be written, and USD {moved} count for another team; leave out --dry-run to write them"
    );
}
