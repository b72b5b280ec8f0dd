//! `rollcall directory`: organizations, projects, members and keys as one JSON file.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Failure;
use super::target::{Target, TargetArguments};
use crate::directory::Change;
use crate::engine::{COMMAND, Note};
use crate::http::wire::{DirectoryAnswer, DirectoryBody};
use crate::http::{Object, directory_export, directory_update};

/// Read or write organizations, projects, members and keys as one JSON file
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall directory export --data-dir ./data > directory.json
  rollcall directory import directory.json --url http://127.0.0.1:8787")]
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
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    match &arguments.action {
        Action::Export { target } => {
            let body: DirectoryBody = match target.open(false)? {
                Target::Server(client) => client.get("/v1/directory")?,
                Target::Local(engine) => directory_export(&engine.snapshot().directory, None),
            };
            println!("{}", serde_json::to_string_pretty(&body).expect("text serializes"));
        }
        Action::Import { file, target } => {
            let named = |e: &dyn std::fmt::Display| Failure(format!("{}: {e}", file.display()));
            let mut text = String::new();
            if file.as_os_str() == "-" {
                std::io::stdin().read_to_string(&mut text).map_err(|e| named(&e))?;
            } else {
                text = std::fs::read_to_string(file).map_err(|e| named(&e))?;
            }
            let Object(body): Object<DirectoryBody> = serde_json::from_str(&text).map_err(|e| named(&e))?;
            let answer: DirectoryAnswer = match target.open(true)? {
                Target::Server(client) => client.put("/v1/directory", &body)?,
                Target::Local(engine) => {
                    let note = Note::new(COMMAND, "directory-change");
                    let outcome = engine.audited(Change::Merge(directory_update(body)?), note)?.wait()?;
                    DirectoryAnswer { written: outcome.changed }
                }
            };
            eprintln!("{} entries written", answer.written);
        }
    }
    Ok(ExitCode::SUCCESS)
}
