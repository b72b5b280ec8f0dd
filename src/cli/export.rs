//! `rollcall export`: rollups as a file for other programs.

use std::fs::Permissions;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::Failure;
use super::long::Bar;
use super::target::{Target, TargetArguments};
use crate::http::{App, ask_as_operator};

/// Write rollups to a file for other programs: CSV, Parquet, or the columns of FOCUS
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall export --organization acme --from 2026-06-01 --to 2026-06-30 --data-dir ./data > june.csv
  rollcall export --organization acme --format parquet --output usage.parquet --data-dir ./data
  ROLLCALL_TOKEN=rc_user_… rollcall export --organization acme --format focus --timezone Europe/Paris \\
    --output focus.csv --url http://127.0.0.1:8787

One row for every bucket and every combination of project, API key, model, provider, app and mode
that had usage in it.")]
pub struct Arguments {
    /// The organization whose usage it is
    #[arg(long, value_name = "ID", env = "ROLLCALL_ORGANIZATION")]
    organization: String,
    /// First local day, YYYY-MM-DD; six days before --to when left out
    #[arg(long, value_name = "DAY", env = "ROLLCALL_FROM")]
    from: Option<String>,
    /// Last local day, included; today when left out
    #[arg(long, value_name = "DAY", env = "ROLLCALL_TO")]
    to: Option<String>,
    /// IANA time zone of the days
    #[arg(long, value_name = "ZONE", env = "ROLLCALL_TIMEZONE", default_value = "UTC")]
    timezone: String,
    /// How long a bucket is: hour, day or month
    #[arg(long, value_name = "LENGTH", env = "ROLLCALL_GRANULARITY", default_value = "day")]
    granularity: String,
    /// csv, parquet, focus or focus-parquet
    #[arg(long, value_name = "NAME", env = "ROLLCALL_FORMAT", default_value = "csv")]
    format: String,
    /// The file to write, which is replaced once the new one is whole; - is standard output
    #[arg(long, value_name = "FILE", env = "ROLLCALL_OUTPUT", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    target: TargetArguments,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let to_stdout = arguments.output.as_os_str() == "-";
    if to_stdout && arguments.format.ends_with("parquet") && io::stdout().is_terminal() {
        return Err(Failure("Parquet is nothing for a terminal; name a file with --output".into()));
    }
    let target = arguments.target.open(false)?;
    if to_stdout {
        return arguments.write(&target, &mut BufWriter::new(io::stdout().lock()));
    }
    let named = |e: &dyn std::fmt::Display| Failure(format!("{}: {e}", arguments.output.display()));
    let directory = arguments.output.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut file = tempfile::Builder::new();
    file.permissions(Permissions::from_mode(0o666));
    let mut file = file.tempfile_in(directory.unwrap_or(Path::new("."))).map_err(|e| named(&e))?;
    let code = arguments.write(&target, &mut BufWriter::new(file.as_file_mut()))?;
    file.persist(&arguments.output).map_err(|e| named(&e))?;
    Ok(code)
}

impl Arguments {
    fn write(&self, target: &Target, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let path = self.path();
        match target {
            Target::Server(client) => {
                let _bar = Bar::new("exporting");
                client.download(&path, &mut *out, |_, _| ())?;
            }
            Target::Local(engine) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
                runtime.block_on(ask_as_operator(App::for_one_question(engine.clone()), &path, out))?;
            }
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }

    fn path(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("organizationId", Some(&self.organization)),
            ("timezone", Some(&self.timezone)),
            ("granularity", Some(&self.granularity)),
            ("format", Some(&self.format)),
            ("from", self.from.as_ref()),
            ("to", self.to.as_ref()),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        format!("/analytics/export?{}", query.finish())
    }
}
