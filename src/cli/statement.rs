//! `rollcall statement`: a month as it is to be paid, and whether a file of one was changed.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Failure;
use super::long::Interruption;
use super::output::Output;
use super::question::ask_here;
use super::target::{Target, TargetArguments};
use super::zones::ZoneArguments;
use crate::ledger::checksum::{self, ChecksumError};

/// Write the statement of a month, and check whether a file of one was changed
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall statement write --organization acme --month 2026-10 \\
      --output october.html --data-dir ./data
  rollcall statement write --organization acme --month 2026-10 \\
      --group-by costCentre --format csv --data-dir ./data
  rollcall statement write --organization acme --month 2026-10 \\
      --format zip --output october.zip --data-dir ./data
  rollcall statement verify october.html")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    Write(Box<WriteArguments>),
    /// Compare a statement's HTML file with its checksum
    #[command(after_help = "Example:\n  rollcall statement verify october.html

Exit code 0 says that nothing in it was changed, 1 that something was, 2 that it is no statement.")]
    Verify {
        file: PathBuf,
    },
}

/// Write the statement of a month; of one that is not closed it is a draft
#[derive(Args)]
#[command(
    after_help = "Example:\n  rollcall statement write --organization acme --month 2026-10 \\\n      --output october.html --data-dir ./data"
)]
struct WriteArguments {
    /// The organization
    #[arg(long, value_name = "ID", env = "ROLLCALL_ORGANIZATION")]
    organization: String,
    /// The local month, YYYY-MM
    #[arg(long, value_name = "MONTH", env = "ROLLCALL_MONTH")]
    month: String,
    /// team, costCentre, project, user, apiKey or model; team when left out, and each of the first five in a zip
    #[arg(long, value_name = "DIMENSION", env = "ROLLCALL_GROUP_BY")]
    group_by: Option<String>,
    /// html, csv, json, or zip: html and csv by team, costCentre, project, user and apiKey
    #[arg(long, value_name = "NAME", env = "ROLLCALL_FORMAT", default_value = "html")]
    format: String,
    /// The language of html, also in a zip: en or de; en when left out
    #[arg(long, value_name = "NAME", env = "ROLLCALL_LANG")]
    lang: Option<String>,
    /// names, pseudonyms, or groups of at least five people
    #[arg(long, value_name = "HOW", env = "ROLLCALL_DISCLOSURE", default_value = "names")]
    disclosure: String,
    /// IANA time zone of a draft; the organization's when left out
    #[arg(long, value_name = "ZONE", env = "ROLLCALL_TIMEZONE")]
    timezone: Option<String>,
    /// The file to write, which is replaced once the new one is whole; - is standard output
    #[arg(long, value_name = "FILE", env = "ROLLCALL_OUTPUT", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    zones: ZoneArguments,
    #[command(flatten)]
    target: TargetArguments,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    match &arguments.action {
        Action::Write(arguments) => {
            arguments.zones.install()?;
            let target = arguments.target.open(false)?;
            if arguments.output.as_os_str() == "-" {
                arguments.write(&target, &mut BufWriter::new(Output))?;
            } else {
                let file = Interruption::new()?.create(&arguments.output, true)?;
                arguments.write(&target, &mut BufWriter::new(file.file()))?;
                file.finish(true)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Action::Verify { file } => {
            let name = file.display();
            let page = std::fs::read_to_string(file).map_err(|error| Failure(format!("{name}: {error}")))?;
            match checksum::check(&page) {
                Ok(checksum) => {
                    println!("{name}: nothing was changed, sha256:{checksum}");
                    Ok(ExitCode::SUCCESS)
                }
                Err(error @ ChecksumError::Changed { .. }) => {
                    eprintln!("{name}: {error}");
                    Ok(ExitCode::FAILURE)
                }
                Err(error @ ChecksumError::None) => Err(Failure(format!("{name}: {error}"))),
            }
        }
    }
}

impl WriteArguments {
    fn write(&self, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("organizationId", &self.organization).append_pair("month", &self.month);
        query.append_pair("format", &self.format).append_pair("disclosure", &self.disclosure);
        query.extend_pairs(self.group_by.iter().map(|by| ("groupBy", by)));
        query.extend_pairs(self.lang.iter().map(|lang| ("lang", lang)));
        query.extend_pairs(self.timezone.iter().map(|zone| ("timezone", zone)));
        let path = format!("/analytics/statement?{}", query.finish());
        match target {
            Target::Server(client) => client.download(&path, &mut *out, |_, _| ())?,
            Target::Local(engine) => ask_here(engine, &path, out)?,
        }
        Ok(out.flush()?)
    }
}
