//! `rollcall ingest`: bulk load.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::PossibleValuesParser;
use indicatif::{HumanCount, ProgressBar};
use rayon::prelude::*;

use super::loading::{DEFAULT_PROJECT, SHOWN, learn, progress_bar, seal_and_stop, submit};
use super::preview::Preview;
use super::price_files::PriceArguments;
use super::source::{Body, Form, Source};
use super::target::{Target, TargetArguments};
use super::{Failure, system_clock, transcripts};
use crate::calendar::Zone;
use crate::engine::{Engine, Ingested, Pending};
use crate::http::wire::{FeedAnswer, IngestAnswer, RejectedEvent, UnsentBody};
use crate::ingest::formats::{FORMATS, Format};
use crate::ingest::mapping::{Decimal, Mapping};
use crate::ingest::transcripts::{Client, Whose};
use crate::ingest::{self, Context, Names, Parsed, Reading, Rejection, SentBy, TokenDefaults};
use crate::model::Batch;
use crate::pricing::PriceBook;

/// Batches on their way to the disk while the next are read.
const IN_FLIGHT: usize = 8;
/// The name of what is assumed without --format.
const OWN_FORMAT: &str = "csv";

/// Load events from files, with progress; running it again doubles nothing
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall ingest events.ndjson.gz --data-dir ./data
  ROLLCALL_TOKEN=rc_ingest_… rollcall ingest june.csv july.csv \\
      --url http://127.0.0.1:8787
  zcat usage.gz | rollcall ingest - --organization acme --data-dir ./data
  rollcall ingest spend.csv --format litellm-spend-logs \\
      --organization acme --dry-run
  rollcall ingest bill.csv --map cost=price_usd --map timestamp=when \\
      --set id=june-{row} --data-dir ./data
  rollcall ingest verbrauch.csv --decimal comma --day-zone Europe/Berlin \\
      --data-dir ./data
  rollcall ingest ~/.claude --format claude-code --user mina@example.com \\
      --watch --url https://rollcall.example

Reads NDJSON, JSON and CSV (the event's field names as header; columns separated by commas,
semicolons or tabs), plain, .gz or .zst, and Parquet. Exports of other programs are known by
their columns, or by --format. With --format claude-code, codex, gemini-cli, qwen-code, copilot
or opencode FILE is where that agent keeps its sessions: its folder, one within it, or one file.
Exit code 1 says that some events were rejected; the others are loaded.")]
pub struct Arguments {
    /// Files of events, or where a coding agent keeps its sessions; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The one organization the events are for; they may then leave it out
    #[arg(long, value_name = "ID", env = "ROLLCALL_ORGANIZATION")]
    organization: Option<String>,
    /// The program that wrote the files; csv stands for the event's own field names, as without --format
    #[arg(long, value_name = "NAME", env = "ROLLCALL_FORMAT", value_parser = formats())]
    format: Option<String>,
    /// Take a field of the event from another column; a.b is the field b of the object in column a
    #[arg(long, value_name = "FIELD=COLUMN", env = "ROLLCALL_MAP")]
    map: Vec<String>,
    /// Give a field that a row leaves out this value; {row} is the row's number
    #[arg(long, value_name = "FIELD=VALUE", env = "ROLLCALL_SET")]
    set: Vec<String>,
    /// What stands before the fraction of a number, where a file can be read either way
    #[arg(long, value_name = "MARK", env = "ROLLCALL_DECIMAL", value_parser = ["point", "comma"])]
    decimal: Option<String>,
    /// The zone of days without a time and of times that name none: an IANA name; UTC unless given
    #[arg(long, value_name = "ZONE", env = "ROLLCALL_DAY_ZONE", value_parser = zone)]
    day_zone: Option<Zone>,
    /// Whose sessions they are: an e-mail address, or an id of your own
    #[arg(long, value_name = "PERSON", env = "ROLLCALL_USER")]
    user: Option<String>,
    /// Count what an agent did in a folder, given by its path or its name, for a project other than the folder's name
    #[arg(long, value_name = "FOLDER=PROJECT", env = "ROLLCALL_PROJECT_MAP")]
    project_map: Vec<String>,
    /// Go on for as long as sessions grow, looking at them every so many seconds
    #[arg(long, value_name = "SECONDS", env = "ROLLCALL_WATCH", num_args = 0..=1, default_missing_value = "10",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    watch: Option<u64>,
    /// Show what would be loaded, day by day, and load nothing
    #[arg(long, env = "ROLLCALL_DRY_RUN", value_parser = clap::builder::FalseyValueParser::new())]
    dry_run: bool,
    #[command(flatten)]
    prices: PriceArguments,
    #[command(flatten)]
    target: TargetArguments,
}

/// Names that --format takes.
fn formats() -> PossibleValuesParser {
    let agents = Client::ALL.map(Client::name);
    FORMATS.iter().map(|format| format.name).chain([OWN_FORMAT]).chain(agents).collect::<Vec<_>>().into()
}

fn zone(name: &str) -> Result<Zone, String> {
    Zone::named(name).ok_or_else(|| "use an IANA name such as Europe/Paris or UTC".into())
}

impl Arguments {
    /// What makes events of rows, and whether files of JSON are rows, too.
    fn mapping(&self) -> Result<(Mapping, bool), Failure> {
        let format = self.format.as_deref().and_then(Format::named);
        let mut mapping = format.map(Mapping::of_format).unwrap_or_default();
        mapping.recognizes = self.format.is_none();
        mapping.decimal = self.decimal.as_deref().and_then(Decimal::named);
        mapping.day_zone = self.day_zone.unwrap_or(Zone::UTC);
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
        let is_by_hand = !self.map.is_empty() || !self.set.is_empty();
        let is_mapped = format.is_some() || is_by_hand || self.decimal.is_some() || self.day_zone.is_some();
        Ok((mapping, is_mapped))
    }

    /// What coding agents left on disk, if that is what the format is.
    fn transcripts(&self) -> Result<Option<transcripts::Load<'_>>, Failure> {
        let only_with = |flag: &str, kind: &str| Err(Failure(format!("{flag} is for {kind}")));
        let Some(client) = self.format.as_deref().and_then(Client::named) else {
            let agents =
                format!("what a coding agent left on disk: --format {}", Client::ALL.map(Client::name).join(", "));
            return match () {
                () if self.user.is_some() => only_with("--user", &agents),
                () if !self.project_map.is_empty() => only_with("--project-map", &agents),
                () if self.watch.is_some() => only_with("--watch", &agents),
                () => Ok(None),
            };
        };
        let files = "files of events and exports of other programs";
        for (flag, is_given) in [
            ("--map", !self.map.is_empty()),
            ("--set", !self.set.is_empty()),
            ("--decimal", self.decimal.is_some()),
            ("--day-zone", self.day_zone.is_some()),
        ] {
            if is_given {
                return only_with(flag, files);
            }
        }
        if self.dry_run && self.watch.is_some() {
            return Err(Failure("--dry-run looks once; leave out --watch".into()));
        }
        let pair = |pair: &String| match pair.split_once('=') {
            Some((folder, project)) if !folder.is_empty() && !project.is_empty() => {
                Ok((folder.to_owned(), project.to_owned()))
            }
            _ => Err(Failure(format!("--project-map {pair}: it must be FOLDER=PROJECT"))),
        };
        let projects = self.project_map.iter().map(pair).collect::<Result<_, _>>()?;
        let (organization, user) = (self.organization.clone(), self.user.clone());
        Ok(Some(transcripts::Load {
            client,
            given: &self.files,
            whose: Whose { organization, user, projects },
            prices: self.prices.book()?,
            watch: self.watch.map(Duration::from_secs),
            dry_run: self.dry_run,
        }))
    }

    /// Reads everything as it would be loaded.
    fn preview(&self, mapping: &Mapping, is_mapped: bool) -> Result<ExitCode, Failure> {
        let prices = self.prices.book()?;
        let mut preview = Preview::default();
        let mut summary = Summary::default();
        for file in &self.files {
            let mut source = Source::open(file, mapping.clone(), is_mapped)?;
            let token = stand_ins(self.organization.as_deref(), source.format());
            let context = Context { now: system_clock()(), prices: &prices, token, kept_since: &ingest::for_ever };
            let bar = progress_bar(source.size);
            let mut shown = Shown::new(&source, &bar);
            while let Some(body) = source.next_body()? {
                let Reading { parsed: Parsed { batch, rejected }, ignored, .. } = parse(&body, &context)?;
                summary.ignored += ignored;
                shown.show(&body, &rejected, batch.events.len(), &mut summary);
                preview.add(&batch)?;
                bar.set_position(source.position());
            }
            bar.finish_and_clear();
            say(&source, mapping);
        }
        summary.say_ignored();
        print!("{preview}");
        println!("{} would be rejected; nothing was loaded", HumanCount(summary.rejected as u64));
        Ok(if summary.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn parse(body: &Body, context: &Context<'_>) -> Result<Reading, ingest::BodyError> {
    let parsed = match body.form {
        _ if body.bytes.is_empty() => Parsed::default(),
        Form::Posted(gateway) => return gateway.parse(&body.bytes, context),
        Form::Array => ingest::parse_json(&body.bytes, context)?,
        Form::Lines => ingest::parse_ndjson(&body.bytes, context)?,
    };
    Ok(Reading { parsed, ..Reading::default() })
}

/// What stands in for ids that the events of a known export do not have.
fn stand_ins<'a>(organization_id: Option<&'a str>, format: Option<&'static Format>) -> TokenDefaults<'a> {
    TokenDefaults {
        organization_id,
        project_id: format.map(|_| DEFAULT_PROJECT),
        api_key_id: format.and_then(|format| format.key),
        sender: SentBy { name: "rollcall ingest", version: Some(env!("CARGO_PKG_VERSION")) },
    }
}

#[derive(Default)]
struct Summary {
    accepted: usize,
    completed: usize,
    duplicates: usize,
    rejected: usize,
    /// Rows that a gateway's own reader passes over.
    ignored: usize,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if let Some(load) = arguments.transcripts()? {
        return transcripts::run(load, &arguments.target);
    }
    let (mapping, is_mapped) = arguments.mapping()?;
    if arguments.dry_run {
        return arguments.preview(&mapping, is_mapped);
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
        let mut source = Source::open(file, mapping.clone(), is_mapped)?;
        let bar = progress_bar(source.size);
        bar.set_message(file.display().to_string());
        let result = match &target {
            Target::Local(engine) => {
                let token = stand_ins(arguments.organization.as_deref(), source.format());
                let mut load = Load { engine, prices: &prices, token, bar: &bar };
                load.run(&mut source, &mut summary)
            }
            Target::Server(client) => send(client, &mut source, &bar, &mut summary),
        };
        bar.finish_and_clear();
        result.map_err(|e| Failure(format!("{}: {e}", file.display())))?;
        say(&source, &mapping);
    }
    if let Target::Local(engine) = &target {
        seal_and_stop(engine)?;
    }
    summary.say_ignored();
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
        println!("{completed} of the accepted knew more of calls than these were counted with");
    }
    Ok(if summary.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Loading into files opened here.
struct Load<'a> {
    engine: &'a Engine,
    prices: &'a PriceBook,
    token: TokenDefaults<'a>,
    bar: &'a ProgressBar,
}

impl Load<'_> {
    /// Reads and checks on all cores while the writer writes what was read before.
    fn run(&mut self, source: &mut Source, summary: &mut Summary) -> Result<(), Failure> {
        let cores = rayon::current_num_threads();
        let mut shown = Shown::new(source, self.bar);
        let mut waiting: VecDeque<Pending<Ingested>> = VecDeque::new();
        let mut learnt: Vec<Names> = Vec::new();
        loop {
            let mut bodies = Vec::new();
            while bodies.len() < cores {
                let Some(body) = source.next_body()? else { break };
                bodies.push(body);
            }
            if bodies.is_empty() {
                break;
            }
            let parsed: Vec<Result<Reading, _>> =
                bodies.par_iter().map(|body| self.with_context(|context| parse(body, context))).collect();
            for (body, parsed) in bodies.iter().zip(parsed) {
                let Reading { parsed: Parsed { batch, rejected }, ignored, names } = parsed?;
                summary.ignored += ignored;
                learnt.extend(Some(names).filter(|names| !names.is_empty()));
                shown.show(body, &rejected, batch.events.len(), summary);
                let refused = self.with_context(|context| ingest::refused_rows(&body.refused, context));
                for batch in [batch, refused] {
                    if !batch.is_empty() {
                        waiting.push_back(submit(self.engine, batch)?);
                    }
                }
                while waiting.len() > IN_FLIGHT {
                    summary.add(waiting.pop_front().expect("more than none").wait()?);
                }
            }
            self.bar.set_position(source.position());
        }
        let skipped = source.notes().map(|notes| notes.skipped()).unwrap_or_default();
        let skipped = self.with_context(|context| ingest::skipped_rows(skipped, context));
        if !skipped.is_empty() {
            waiting.push_back(submit(self.engine, skipped)?);
        }
        for pending in waiting {
            summary.add(pending.wait()?);
        }
        learnt.into_iter().try_for_each(|names| learn(self.engine, names))?;
        Ok(())
    }

    fn with_context<T>(&self, read: impl FnOnce(&Context<'_>) -> T) -> T {
        read(&Context {
            now: self.engine.now(),
            prices: self.prices,
            token: self.token,
            kept_since: &|organization| self.engine.kept_since(organization),
        })
    }
}

fn send(
    client: &super::client::Client,
    source: &mut Source,
    bar: &ProgressBar,
    summary: &mut Summary,
) -> Result<(), Failure> {
    let mut shown = Shown::new(source, bar);
    let prices = PriceBook::bundled();
    let (now, token) = (system_clock()(), TokenDefaults::default());
    let context = Context { now, prices: &prices, token, kept_since: &ingest::for_ever };
    while let Some(body) = source.next_body()? {
        let (mut taken, mut rejected) = (0, Vec::new());
        if !body.bytes.is_empty() {
            let answer = post(client, &body)?;
            let (accepted, completed, duplicates) = (answer.accepted, answer.completed, answer.duplicates);
            summary.add(Ingested { accepted, completed, duplicates });
            summary.ignored += answer.ignored;
            taken = accepted + duplicates;
            let one = |r: RejectedEvent| Rejection { index: r.index, id: r.id, error: r.error };
            rejected = answer.rejected.into_iter().map(one).collect();
        }
        enter(client, ingest::refused_rows(&body.refused, &context))?;
        shown.show(&body, &rejected, taken, summary);
        bar.set_position(source.position());
    }
    let skipped = source.notes().map(|notes| notes.skipped()).unwrap_or_default();
    enter(client, ingest::skipped_rows(skipped, &context))
}

fn post(client: &super::client::Client, body: &Body) -> Result<FeedAnswer, Failure> {
    let kind = match body.form {
        Form::Posted(gateway) => return client.send(&gateway.endpoint(), "application/json", &body.bytes),
        Form::Array => "application/json",
        Form::Lines => "application/x-ndjson",
    };
    let IngestAnswer { accepted, completed, duplicates, rejected } = client.send_events(kind, &body.bytes)?;
    Ok(FeedAnswer { accepted, completed, duplicates, ignored: 0, rejected })
}

/// Tells the server of rows that are not sent to it.
fn enter(client: &super::client::Client, batch: Batch) -> Result<(), Failure> {
    let rows: Vec<UnsentBody> = batch.unmade.into_iter().map(UnsentBody::from).collect();
    if rows.is_empty() { Ok(()) } else { client.enter_unsent(&rows) }
}

impl Summary {
    fn add(&mut self, ingested: Ingested) {
        self.accepted += ingested.accepted;
        self.completed += ingested.completed;
        self.duplicates += ingested.duplicates;
    }

    fn say_ignored(&self) {
        if self.ignored > 0 {
            println!("{} rows are no calls of a model and were skipped", HumanCount(self.ignored as u64));
        }
    }
}

/// Says how a file was read, where that is not plain.
fn say(source: &Source, mapping: &Mapping) {
    let Some(notes) = source.notes() else { return };
    let count = |number: usize| HumanCount(number as u64);
    if let Some(format) = source.format().filter(|_| mapping.format().is_none()) {
        println!("read as {}: --format {}", format.title, format.name);
    }
    if let Some(separator) = notes.separator {
        println!("columns are separated by {separator}");
    }
    if notes.decimal == Some(Decimal::Comma) {
        println!("numbers have a decimal comma: --decimal comma");
    }
    let zone = mapping.day_zone.name();
    if notes.days > 0 {
        println!("{} rows have a day and no time: they are of days in {zone} (--day-zone)", count(notes.days));
    }
    if notes.zoneless > 0 {
        println!("{} times name no zone: they are in {zone} (--day-zone)", count(notes.zoneless));
    }
    if notes.included > 0 {
        println!("{} costs are included in a plan: they count as 0", count(notes.included));
    }
    if notes.totals > 0 {
        let first = notes.first_total;
        println!("{} rows are totals of others and were skipped; the first is line {first}", count(notes.totals));
    }
    if notes.unused > 0 {
        println!("{} rows have no usage and were skipped", count(notes.unused));
    }
    if notes.no_calls > 0 {
        println!("{} rows are no calls of a model and were skipped", count(notes.no_calls));
    }
}

/// Shows what of a file was not taken, by where it is.
struct Shown<'a> {
    unit: &'static str,
    /// Events of bodies before, where they have no numbers of their own.
    events_before: usize,
    bar: &'a ProgressBar,
}

impl<'a> Shown<'a> {
    fn new(source: &Source, bar: &'a ProgressBar) -> Shown<'a> {
        Shown { unit: source.unit(), events_before: 0, bar }
    }

    fn show(&mut self, body: &Body, rejected: &[Rejection], taken: usize, summary: &mut Summary) {
        for refused in &body.refused {
            self.one(refused.number, refused.id.as_deref(), &refused.error, summary);
        }
        for rejection in rejected {
            let number = match &body.numbers {
                Some(numbers) => numbers.get(rejection.index).copied().unwrap_or_default(),
                None => (self.events_before + rejection.index + 1) as u64,
            };
            self.one(number, rejection.id.as_deref(), &rejection.error, summary);
        }
        self.events_before += taken + rejected.len();
    }

    fn one(&self, number: u64, id: Option<&str>, error: &str, summary: &mut Summary) {
        summary.rejected += 1;
        if summary.rejected <= SHOWN {
            let id = id.map(|id| format!(" ({id})")).unwrap_or_default();
            self.bar.suspend(|| eprintln!("{} {number}{id}: {error}", self.unit));
        } else if summary.rejected == SHOWN + 1 {
            self.bar.suspend(|| eprintln!("more events were rejected; only the first {SHOWN} are shown"));
        }
    }
}
