//! `rollcall export`: rollups as a file for other programs.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::Failure;
use super::long::{Bar, Interruption};
use super::output::Output;
use super::question::{WindowArguments, ask_here};
use super::target::{Target, TargetArguments};

/// Write rollups to a file for other programs: CSV, Parquet, or the columns of FOCUS
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall export --organization acme --from 2026-06-01 --to 2026-06-30 \\
      --data-dir ./data > june.csv
  rollcall export --organization acme --format parquet \\
      --output usage.parquet --data-dir ./data
  ROLLCALL_TOKEN=rc_user_… rollcall export --organization acme \\
      --format focus --timezone Europe/Paris \\
    --output focus.csv --url http://127.0.0.1:8787

One row for every bucket and every combination of project, API key, model, provider, app, mode and
source of cost that had usage in it.")]
pub struct Arguments {
    #[command(flatten)]
    window: WindowArguments,
    /// How long a bucket is: hour, day or month
    #[arg(long, value_name = "LENGTH", env = "ROLLCALL_GRANULARITY", default_value = "day")]
    granularity: String,
    /// csv, parquet, focus or focus-parquet
    #[arg(long, value_name = "NAME", env = "ROLLCALL_FORMAT", default_value = "csv")]
    format: String,
    /// Whose columns focus and focus-parquet have: 1.2 (when left out), 1.3 or 1.4
    #[arg(long, value_name = "VERSION", env = "ROLLCALL_FOCUS_VERSION")]
    focus_version: Option<String>,
    /// Begin CSV with a byte order mark, by which Excel knows it for UTF-8
    #[arg(long, env = "ROLLCALL_CSV_BOM", value_parser = clap::builder::FalseyValueParser::new())]
    csv_bom: bool,
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
    arguments.window.zones.install()?;
    let target = arguments.target.open(false)?;
    if to_stdout {
        arguments.write(&target, &mut BufWriter::new(Output))?;
    } else {
        let file = Interruption::new()?.create(&arguments.output, true)?;
        arguments.write(&target, &mut BufWriter::new(file.file()))?;
        file.finish(true)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn write(&self, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
        let mut more = vec![("granularity", &*self.granularity), ("format", &*self.format)];
        more.extend(self.focus_version.as_deref().map(|version| ("focusVersion", version)));
        more.extend(self.csv_bom.then_some(("csvBom", "true")));
        let path = self.window.question("/analytics/export", &more);
        match target {
            Target::Server(client) => {
                let _bar = Bar::new("exporting");
                client.download(&path, &mut *out, |_, _| ())?;
            }
            Target::Local(engine) => ask_here(engine, &path, out)?,
        }
        Ok(out.flush()?)
    }
}
