//! `rollcall ingest`: bulk load.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::PossibleValuesParser;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use rayon::prelude::*;

use super::preview::Preview;
use super::prices::PriceArguments;
use super::source::{Body, Source};
use super::target::{Target, TargetArguments};
use super::{Failure, system_clock};
use crate::engine::{Engine, EngineError, Ingested, Pending};
use crate::ingest::mapping::{FORMATS, Mapping};
use crate::ingest::{self, Context, Parsed, Rejection, SentBy, TokenDefaults};
use crate::model::Batch;
use crate::pricing::PriceBook;

/// Rejected events that are shown; the rest is counted.
const SHOWN: usize = 10;
/// Batches on their way to the disk while the next are read.
const IN_FLIGHT: usize = 8;
/// The name of what is assumed without --format.
const OWN_FORMAT: &str = "csv";

/// Load events from files, with progress; running it again doubles nothing
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall ingest events.ndjson.gz --data-dir ./data
  ROLLCALL_TOKEN=rc_ingest_… rollcall ingest june.csv july.csv --url http://127.0.0.1:8787
  zcat usage.gz | rollcall ingest - --organization acme --data-dir ./data
  rollcall ingest spend.csv --format litellm-spend-logs --organization acme --dry-run
  rollcall ingest bill.csv --map cost=price_usd --map timestamp=when --set id=june-{row} --data-dir ./data

Reads NDJSON, JSON and CSV (the event's field names as header), plain, .gz or .zst.
Exit code 1 says that some events were rejected; the others are loaded.")]
pub struct Arguments {
    /// Files of events; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The one organization the events are for; they may then leave it out
    #[arg(long, value_name = "ID", env = "ROLLCALL_ORGANIZATION")]
    organization: Option<String>,
    /// The program that wrote the files; csv stands for the event's own field names, as without --format
    #[arg(long, value_name = "NAME", value_parser = formats())]
    format: Option<String>,
    /// Take a field of the event from another column; a.b is the field b of the object in column a
    #[arg(long, value_name = "FIELD=COLUMN")]
    map: Vec<String>,
    /// Give a field that a row leaves out this value; {row} is the row's number
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// Show what would be loaded, day by day, and load nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    prices: PriceArguments,
    #[command(flatten)]
    target: TargetArguments,
}

/// What holds for the events of files.
fn of_files(organization_id: Option<&str>) -> TokenDefaults<'_> {
    let sender = SentBy { name: "rollcall ingest", version: Some(env!("CARGO_PKG_VERSION")) };
    TokenDefaults { organization_id, sender, ..TokenDefaults::default() }
}

/// Names that --format takes.
fn formats() -> PossibleValuesParser {
    FORMATS.iter().map(|(name, _)| *name).chain([OWN_FORMAT]).collect::<Vec<_>>().into()
}

impl Arguments {
    /// What makes events of the files' rows; `None` when they are events.
    fn mapping(&self) -> Result<Option<Mapping>, Failure> {
        let format = self.format.as_deref().filter(|name| *name != OWN_FORMAT);
        if format.is_none() && self.map.is_empty() && self.set.is_empty() {
            return Ok(None);
        }
        let of_format = format.map(|name| Mapping::of_format(name).expect("checked by its parser"));
        let mut mapping = of_format.unwrap_or_default();
        for (flag, given, add) in [
            ("--map", &self.map, Mapping::map as fn(&mut Mapping, &str, &str) -> Result<(), String>),
            ("--set", &self.set, Mapping::set),
        ] {
            for pair in given {
                let (field, value) =
                    pair.split_once('=').ok_or_else(|| Failure(format!("{flag} {pair}: there is no = in it")))?;
                add(&mut mapping, field, value).map_err(|e| Failure(format!("{flag} {pair}: {e}")))?;
            }
        }
        Ok(Some(mapping))
    }

    /// Reads everything as it would be loaded.
    fn preview(&self, mapping: Option<&Mapping>) -> Result<ExitCode, Failure> {
        let prices = self.prices.book()?;
        let token = of_files(self.organization.as_deref());
        let context = Context { now: system_clock()(), prices: &prices, token, kept_since: &ingest::for_ever };
        let mut preview = Preview::default();
        let mut summary = Summary::default();
        for file in &self.files {
            let mut source = Source::open(file, mapping.cloned())?;
            let bar = progress_bar(source.size);
            let mut events_before = 0;
            while let Some(body) = source.next_body()? {
                let Parsed { batch, rejected } = parse(&body, &context)?;
                show(&rejected, events_before, &bar, &mut summary);
                events_before += batch.events.len() + rejected.len();
                preview.add(&batch)?;
                bar.set_position(source.position());
            }
            bar.finish_and_clear();
            summary.skipped += source.skipped();
        }
        print!("{preview}");
        summary.say_skipped();
        println!("{} would be rejected; nothing was loaded", HumanCount(summary.rejected as u64));
        Ok(if summary.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn parse(body: &Body, context: &Context<'_>) -> Result<Parsed, ingest::BodyError> {
    if body.is_array { ingest::parse_json(&body.bytes, context) } else { ingest::parse_ndjson(&body.bytes, context) }
}

#[derive(Default)]
struct Summary {
    accepted: usize,
    completed: usize,
    duplicates: usize,
    rejected: usize,
    skipped: usize,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mapping = arguments.mapping()?;
    if arguments.dry_run {
        return arguments.preview(mapping.as_ref());
    }
    let target = arguments.target.open(true)?;
    if arguments.organization.is_some() && matches!(target, Target::Server(_)) {
        return Err(Failure(
            "--organization is for a store opened here; a server takes the organization from the event or an ingest token"
                .into(),
        ));
    }
    if arguments.prices.is_given() && matches!(target, Target::Server(_)) {
        return Err(Failure("--prices is for a store opened here; a server has its own".into()));
    }
    let prices = arguments.prices.book()?;
    let mut summary = Summary::default();
    let started = Instant::now();
    for file in &arguments.files {
        let mut source = Source::open(file, mapping.clone())?;
        let bar = progress_bar(source.size);
        bar.set_message(file.display().to_string());
        let result = match &target {
            Target::Local(engine) => {
                let mut load =
                    Load { engine, prices: &prices, organization: arguments.organization.as_deref(), bar: &bar };
                load.run(&mut source, &mut summary)
            }
            Target::Server(client) => send(client, &mut source, &bar, &mut summary),
        };
        bar.finish_and_clear();
        result.map_err(|e| Failure(format!("{}: {e}", file.display())))?;
        summary.skipped += source.skipped();
    }
    if let Target::Local(engine) = &target {
        // A server does this by itself, when nobody waits for it.
        let bar = progress_bar(None).with_message("sealing the days that are over");
        bar.enable_steady_tick(Duration::from_millis(100));
        engine.seal()?.wait()?;
        engine.stop();
        bar.finish_and_clear();
    }
    summary.say_skipped();
    let seconds = started.elapsed().as_secs_f64();
    let events = summary.accepted + summary.duplicates + summary.rejected;
    println!(
        "{} accepted, {} duplicates, {} rejected in {seconds:.1} s ({} events/s)",
        HumanCount(summary.accepted as u64),
        HumanCount(summary.duplicates as u64),
        HumanCount(summary.rejected as u64),
        HumanCount((events as f64 / seconds) as u64),
    );
    if summary.completed > 0 {
        let completed = HumanCount(summary.completed as u64);
        println!("{completed} of the accepted told the tokens of calls that were counted without");
    }
    Ok(if summary.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Loading into files opened here.
struct Load<'a> {
    engine: &'a Engine,
    prices: &'a PriceBook,
    organization: Option<&'a str>,
    bar: &'a ProgressBar,
}

impl Load<'_> {
    /// Reads and checks on all cores while the writer writes what was read before.
    fn run(&mut self, source: &mut Source, summary: &mut Summary) -> Result<(), Failure> {
        let cores = rayon::current_num_threads();
        let mut events_before = 0;
        let mut waiting: VecDeque<Pending<Ingested>> = VecDeque::new();
        loop {
            let mut bodies = Vec::new();
            while bodies.len() < cores {
                let Some(body) = source.next_body()? else { break };
                bodies.push(body);
            }
            if bodies.is_empty() {
                break;
            }
            let parsed: Vec<Result<Parsed, _>> = bodies.par_iter().map(|body| self.parse(body)).collect();
            for parsed in parsed {
                let Parsed { batch, rejected } = parsed?;
                show(&rejected, events_before, self.bar, summary);
                events_before += batch.events.len() + rejected.len();
                if !batch.is_empty() {
                    waiting.push_back(submit(self.engine, batch)?);
                }
                while waiting.len() > IN_FLIGHT {
                    summary.add(waiting.pop_front().expect("more than none").wait()?);
                }
            }
            self.bar.set_position(source.position());
        }
        for pending in waiting {
            summary.add(pending.wait()?);
        }
        Ok(())
    }

    fn parse(&self, body: &Body) -> Result<Parsed, ingest::BodyError> {
        let token = of_files(self.organization);
        parse(
            body,
            &Context {
                now: self.engine.now(),
                prices: self.prices,
                token,
                kept_since: &|organization| self.engine.kept_since(organization),
            },
        )
    }
}

/// Queues a batch, waiting while the queue is full.
pub fn submit(engine: &Engine, batch: Batch) -> Result<Pending<Ingested>, EngineError> {
    engine.wait_for_room();
    engine.submit(batch)
}

fn send(
    client: &super::client::Client,
    source: &mut Source,
    bar: &ProgressBar,
    summary: &mut Summary,
) -> Result<(), Failure> {
    let mut events_before = 0;
    while let Some(body) = source.next_body()? {
        let kind = if body.is_array { "application/json" } else { "application/x-ndjson" };
        let answer = client.send_events(kind, &body.bytes)?;
        summary.add(Ingested { accepted: answer.accepted, completed: answer.completed, duplicates: answer.duplicates });
        let rejected: Vec<Rejection> =
            answer.rejected.into_iter().map(|r| Rejection { index: r.index, id: r.id, error: r.error }).collect();
        show(&rejected, events_before, bar, summary);
        events_before += answer.accepted + answer.duplicates + rejected.len();
        bar.set_position(source.position());
    }
    Ok(())
}

impl Summary {
    fn say_skipped(&self) {
        if self.skipped > 0 {
            println!("{} rows are no calls of a model and were skipped", HumanCount(self.skipped as u64));
        }
    }

    fn add(&mut self, ingested: Ingested) {
        self.accepted += ingested.accepted;
        self.completed += ingested.completed;
        self.duplicates += ingested.duplicates;
    }
}

fn show(rejected: &[Rejection], events_before: usize, bar: &ProgressBar, summary: &mut Summary) {
    for rejection in rejected {
        summary.rejected += 1;
        if summary.rejected <= SHOWN {
            let id = rejection.id.as_deref().map(|id| format!(" ({id})")).unwrap_or_default();
            let line = format!("event {}{id}: {}", events_before + rejection.index + 1, rejection.error);
            bar.suspend(|| eprintln!("{line}"));
        } else if summary.rejected == SHOWN + 1 {
            bar.suspend(|| eprintln!("more events were rejected; only the first {SHOWN} are shown"));
        }
    }
}

/// A bar on a terminal; hidden by itself elsewhere.
pub fn progress_bar(bytes: Option<u64>) -> ProgressBar {
    let (bar, template) = match bytes {
        Some(bytes) => (
            ProgressBar::new(bytes),
            "{msg} [{bar:32}] {percent}% {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} left",
        ),
        None => (ProgressBar::new_spinner(), "{msg} {spinner} {binary_bytes} {binary_bytes_per_sec}"),
    };
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    bar.with_style(style.progress_chars("=> "))
}
