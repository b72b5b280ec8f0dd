//! `rollcall import`: the calls that gateways keep in databases of their own.

mod database;
mod tls;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use std::{fs, io};

use clap::{Args, ValueEnum};
use indicatif::{HumanCount, ProgressBar};
use serde::{Deserialize, Serialize};

use self::database::{Database, Position, Row, Table};
use super::loading::{DEFAULT_PROJECT, SHOWN, progress_bar, seal_and_stop, take_in};
use super::price_files::PriceArguments;
use super::target::{Target, TargetArguments};
use super::{Failure, system_clock};
use crate::calendar::{Date, Zone, parse_rfc3339, rfc3339_utc};
use crate::engine::{Engine, Ingested};
use crate::http::wire::FeedAnswer;
use crate::ingest::{Context, SentBy, TokenDefaults, rows};
use crate::model::UnixMs;
use crate::pricing::PriceBook;

/// Before and after everything, as PostgreSQL has it.
const ALWAYS: [&str; 2] = ["-infinity", "infinity"];

/// Load the calls that a gateway keeps in its own database, with progress; running it again goes on and doubles nothing
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall import litellm-db postgres://reader:secret@db.internal/litellm \\
      --organization acme --data-dir ./data
  ROLLCALL_TOKEN=rc_ingest_… rollcall import litellm-db \"$DATABASE_URL\" \\
      --url https://rollcall.example --from 2026-11-01
  rollcall import llmgateway-db \"$DATABASE_URL\" --data-dir ./data

Only reads the database: a user that may select from the table will do. What came by the
gateway's own door is the same call, and counts once. Exit code 1 says that some rows were
rejected; the others are loaded.")]
pub struct Arguments {
    /// Whose database it is
    #[arg(value_enum, value_name = "GATEWAY")]
    gateway: Gateway,
    /// Where it is: postgres://USER:PASSWORD@HOST/NAME, also as Prisma has it
    #[arg(value_name = "DATABASE", env = "ROLLCALL_DATABASE", hide_env_values = true)]
    database: String,
    /// The one organization the calls are for, where rows name none
    #[arg(long, value_name = "ID", env = "ROLLCALL_ORGANIZATION")]
    organization: Option<String>,
    /// Only calls that began then or later: a day of UTC, or a time with an offset
    #[arg(long, value_name = "TIME", env = "ROLLCALL_FROM", value_parser = time)]
    from: Option<UnixMs>,
    /// Only calls that began before then
    #[arg(long, value_name = "TIME", env = "ROLLCALL_UNTIL", value_parser = time)]
    until: Option<UnixMs>,
    /// Where it is kept how far the import has come; with --data-dir a file in there
    #[arg(long, value_name = "FILE", env = "ROLLCALL_POSITION")]
    position: Option<PathBuf>,
    /// Certificates, as PEM, of who vouches for the database besides the web's authorities
    #[arg(long, value_name = "FILE", env = "ROLLCALL_DATABASE_CA")]
    database_ca: Option<PathBuf>,
    #[command(flatten)]
    prices: PriceArguments,
    #[command(flatten)]
    target: TargetArguments,
}

fn time(text: &str) -> Result<UnixMs, String> {
    let day = || Date::parse(text).map(|date| Zone::UTC.day_start(date));
    let wrong = || "use a day such as 2026-11-01, or a time such as 2026-11-01T06:00:00Z".to_owned();
    parse_rfc3339(text).or_else(day).ok_or_else(wrong)
}

/// A program that keeps calls in PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Gateway {
    /// LiteLLM's proxy: its table LiteLLM_SpendLogs
    LitellmDb,
    /// LLM Gateway: its table log
    LlmgatewayDb,
}

static LITELLM: Table = Table {
    name: "LiteLLM_SpendLogs",
    time: "startTime",
    id: "request_id",
    start: ("extract(epoch FROM c.\"startTime\")", "start"),
    columns: &[
        "request_id",
        "litellm_call_id",
        "call_type",
        "status",
        "api_key",
        "spend",
        "total_tokens",
        "prompt_tokens",
        "completion_tokens",
        "model",
        "model_group",
        "custom_llm_provider",
        "user",
        "metadata",
        "cache_hit",
        "request_tags",
        "team_id",
        "organization_id",
    ],
    lookups: &[(
        "LiteLLM_UserTable",
        "(SELECT u.user_email FROM \"LiteLLM_UserTable\" u WHERE u.user_id = c.\"user\")",
        "user_email",
    )],
};

static LLMGATEWAY: Table = Table {
    name: "log",
    time: "created_at",
    id: "id",
    start: ("to_char(c.created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')", "\"timestamp\""),
    columns: &[
        "id",
        "organization_id",
        "project_id",
        "api_key_id",
        "used_model",
        "used_provider",
        "requested_model",
        "requested_provider",
        "source",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "cached_tokens",
        "cache_write_tokens",
        "cache_write1h_tokens",
        "reasoning_tokens",
        "audio_input_tokens",
        "audio_output_tokens",
        "used_service_tier",
        "cost",
        "has_error",
        "unified_finish_reason",
        "cached",
        "used_mode",
    ],
    lookups: &[],
};

impl Gateway {
    /// By whose reader its rows are read.
    fn reader(self) -> rows::Gateway {
        match self {
            Gateway::LitellmDb => rows::Gateway::Litellm,
            Gateway::LlmgatewayDb => rows::Gateway::Llmgateway,
        }
    }

    fn table(self) -> &'static Table {
        match self {
            Gateway::LitellmDb => &LITELLM,
            Gateway::LlmgatewayDb => &LLMGATEWAY,
        }
    }

    /// Rows as the body that the gateway would have posted.
    fn body(self, rows: &[Row]) -> Result<String, serde_json::Error> {
        let records = rows.iter().map(|row| self.reader().record(&row.json)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.reader().body(records.iter().map(String::as_str)))
    }
}

/// What is kept of an import.
#[derive(Serialize, Deserialize)]
struct Kept {
    database: String,
    after: Position,
}

#[derive(Default)]
struct Summary {
    ingested: Ingested,
    ignored: usize,
    rejected: u64,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let gateway = arguments.gateway;
    let target = arguments.target.open(true)?;
    if matches!(target, Target::Server(_)) && (arguments.organization.is_some() || arguments.prices.is_given()) {
        return Err(Failure(
            "--organization and --prices are for a store opened here; a server has its own prices, and takes the \
             organization from the row or an ingest token"
                .into(),
        ));
    }
    let prices = arguments.prices.book()?;
    let mut database = Database::open(&arguments.database, arguments.database_ca.as_deref(), gateway.table())?;
    let file = arguments
        .position
        .clone()
        .or_else(|| Some(arguments.target.data_dir.as_ref()?.join(format!("import-{}.json", gateway.reader().name()))));
    match target {
        Target::Server(client) => arguments.load(&mut database, file.as_deref(), |body| {
            client.send(&gateway.reader().endpoint(), "application/json", body)
        }),
        Target::Local(engine) => {
            let code = arguments.load(&mut database, file.as_deref(), |body| arguments.take(&engine, &prices, body));
            seal_and_stop(&engine)?;
            code
        }
    }
}

impl Arguments {
    /// Has all rows counted that have not been looked at, and keeps how far it has come after each page.
    fn load(
        &self,
        database: &mut Database,
        file: Option<&Path>,
        mut take: impl FnMut(&[u8]) -> Result<FeedAnswer, Failure>,
    ) -> Result<ExitCode, Failure> {
        let started = Instant::now();
        let mut at = self.begin(database, file)?;
        let until = self.until.map_or_else(|| ALWAYS[1].to_owned(), rfc3339_utc);
        let range = database.range(&at, &until)?;
        // A count of rows takes long where there are many: so it shows how far it is in time.
        let bar = progress_bar(None);
        let mut summary = Summary::default();
        let mut rows = 0;
        loop {
            let page = database.page(&at, &until)?;
            let Some(last) = page.last() else { break };
            let body = self.gateway.body(&page).map_err(|e| Failure(format!("a row could not be read: {e}")))?;
            let answer = take(body.as_bytes())?;
            summary.note(&page, &answer, &bar);
            (at, rows) = (last.position.clone(), rows + page.len() as u64);
            show(&bar, range, &at, rows);
            if let Some(file) = file {
                keep(file, &Kept { database: database.name.clone(), after: at.clone() })
                    .map_err(|e| Failure(format!("{}: {e}", file.display())))?;
            }
        }
        bar.finish_and_clear();
        println!("{} in {:.1} s", summary.line(rows), started.elapsed().as_secs_f64());
        Ok(if summary.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    /// Where to begin.
    fn begin(&self, database: &mut Database, file: Option<&Path>) -> Result<Position, Failure> {
        let from = self.from.map_or_else(|| ALWAYS[0].to_owned(), rfc3339_utc);
        let Some(file) = file.filter(|file| file.exists()) else {
            return Ok(Position { time: from, id: String::new() });
        };
        let named = |e: &dyn std::fmt::Display| Failure(format!("{}: {e}", file.display()));
        let text = fs::read_to_string(file).map_err(|e| named(&e))?;
        let Kept { database: of, after } = serde_json::from_str(&text).map_err(|e| named(&e))?;
        if of != database.name {
            let here = &database.name;
            return Err(named(&format!(
                "it says how far an import of {of} has come, and not of {here}; name another file with --position"
            )));
        }
        database.before(&after, &from)
    }

    /// Has a body counted in files opened here.
    fn take(&self, engine: &Engine, prices: &PriceBook, body: &[u8]) -> Result<FeedAnswer, Failure> {
        let name = self.gateway.reader().name();
        let token = TokenDefaults {
            organization_id: self.organization.as_deref(),
            project_id: Some(DEFAULT_PROJECT),
            api_key_id: Some(name),
            sender: SentBy { name, version: None },
        };
        let kept_since = |organization: &str| engine.kept_since(organization);
        let context = Context { now: system_clock()(), prices, token, kept_since: &kept_since };
        take_in(engine, self.gateway.reader().parse(body, &context)?)
    }
}

/// Writes how far an import has come, as a whole or not at all.
fn keep(file: &Path, kept: &Kept) -> io::Result<()> {
    let unfinished = file.with_extension("new");
    fs::write(&unfinished, serde_json::to_string(kept).expect("texts serialize") + "\n")?;
    fs::rename(unfinished, file)
}

fn show(bar: &ProgressBar, range: Option<(f64, f64)>, at: &Position, rows: u64) {
    let done = range.and_then(|(first, last)| {
        let now = parse_rfc3339(&format!("{}Z", at.time.replace(' ', "T")))? as f64 / 1000.0;
        Some(((now - first) / (last - first).max(1.0) * 100.0).clamp(0.0, 100.0))
    });
    let day = at.time.get(..16).unwrap_or(&at.time);
    let part = done.map_or_else(String::new, |done| format!(" ({done:.0} %)"));
    bar.set_message(format!("{} rows, to {day}{part}", HumanCount(rows)));
    bar.tick();
}

impl Summary {
    fn note(&mut self, page: &[Row], answer: &FeedAnswer, bar: &ProgressBar) {
        self.ingested.accepted += answer.accepted;
        self.ingested.completed += answer.completed;
        self.ingested.duplicates += answer.duplicates;
        self.ignored += answer.ignored;
        for rejected in &answer.rejected {
            self.rejected += 1;
            if self.rejected <= SHOWN as u64 {
                let id = page.get(rejected.index).map_or("?", |row| &row.position.id);
                bar.suspend(|| eprintln!("row {id}: {}", rejected.error));
            }
        }
    }

    fn line(&self, rows: u64) -> String {
        let Ingested { accepted, duplicates, completed } = self.ingested;
        let count = |n: usize| HumanCount(n as u64);
        let completed =
            if completed > 0 { format!(" ({} knew more of calls)", count(completed)) } else { String::new() };
        format!(
            "{} rows: {} accepted{completed}, {} duplicates, {} no calls, {} rejected",
            HumanCount(rows),
            count(accepted),
            count(duplicates),
            count(self.ignored),
            HumanCount(self.rejected)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_rows_are_bodies_of_their_gateway() {
        let row = |id: &str| Row {
            position: Position { time: "2026-06-01 10:00:00".into(), id: id.into() },
            json: format!("{{\"request_id\":\"{id}\",\"id\":\"{id}\"}}"),
        };
        let litellm = Gateway::LitellmDb.body(&[row("a"), row("b")]).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&litellm).unwrap()[1]["id"], "b");
        let llmgateway = Gateway::LlmgatewayDb.body(&[row("a")]).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&llmgateway).unwrap()["events"][0]["id"], "a");
    }

    #[test]
    fn a_position_is_kept_as_a_whole_and_is_of_one_database() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("position.json");
        let after = Position { time: "2026-06-01 10:00:00.25".into(), id: "a".into() };
        keep(&file, &Kept { database: "here".into(), after: after.clone() }).unwrap();
        let kept: Kept = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!((kept.database.as_str(), kept.after), ("here", after));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn bounds_are_days_or_times() {
        assert_eq!(time("2026-06-01"), Ok(1_780_272_000_000));
        assert_eq!(time("2026-06-01T02:00:00+02:00"), Ok(1_780_272_000_000));
        assert!(time("June").is_err());
    }
}
