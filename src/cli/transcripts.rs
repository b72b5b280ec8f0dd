//! `rollcall ingest --format CLIENT`: what coding agents left on disk, once, or on and on as it grows.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount};
use tokio::signal::unix::{SignalKind, signal};

use super::home::{Home, Look};
use super::loading::{DEFAULT_PROJECT, SHOWN, progress_bar, seal_and_stop, take_in};
use super::preview::Preview;
use super::target::{Target, TargetArguments};
use super::{Failure, system_clock};
use crate::engine::{Engine, Ingested};
use crate::http::wire::FeedAnswer;
use crate::ingest::transcripts::{Calls, Client, Note, Session, Whose, calls, parse, write};
use crate::ingest::{Context, Parsed, SentBy, TokenDefaults, for_ever};
use crate::pricing::PriceBook;

/// Calls of one body.
const BODY_CALLS: usize = 5000;
/// The endpoint of a server.
const ENDPOINT: &str = "/v1/ingest/transcripts";
/// How often the progress bar is told of what was read.
const STEP: Duration = Duration::from_millis(100);

/// What is to be read, whose it is, and where it goes.
pub struct Load<'a> {
    pub client: Client,
    pub given: &'a [PathBuf],
    pub whose: Whose,
    pub prices: PriceBook,
    /// How long to wait between two looks at the files, if there is to be more than one.
    pub watch: Option<Duration>,
    pub dry_run: bool,
}

/// What became of calls, and of lines of which none were made.
#[derive(Default)]
struct Summary {
    ingested: Ingested,
    rejected: u64,
    shown: usize,
}

pub fn run(load: Load<'_>, target: &TargetArguments) -> Result<ExitCode, Failure> {
    if load.dry_run {
        return load.preview();
    }
    match target.open(true)? {
        Target::Server(client) => load.run(&mut |body| client.send(ENDPOINT, "application/x-ndjson", body)),
        Target::Local(engine) => {
            let code = load.run(&mut |body| load.take(&engine, body));
            seal_and_stop(&engine)?;
            code
        }
    }
}

/// Has a body of calls counted.
type Take<'t> = dyn FnMut(&[u8]) -> Result<FeedAnswer, Failure> + 't;

impl Load<'_> {
    fn run(&self, take: &mut Take<'_>) -> Result<ExitCode, Failure> {
        match self.watch {
            None => self.once(take),
            Some(pause) => self.watch(pause, take),
        }
    }

    fn once(&self, take: &mut Take<'_>) -> Result<ExitCode, Failure> {
        let started = Instant::now();
        let mut home = Home::new(self.client, self.given, false);
        let look = look(&mut home)?;
        let calls = calls(home.sessions().map(|(_, session)| session));
        let mut summary = Summary::default();
        summary.say_unread(&home, &look, &calls);
        self.send(&home, &calls, &mut Sent::default(), &mut summary, take)?;
        self.describe(&look, &calls, &summary);
        println!("{} in {:.1} s", summary.line(), started.elapsed().as_secs_f64());
        Ok(summary.code())
    }

    /// Looks at the files again and again, until somebody ends it.
    fn watch(&self, pause: Duration, take: &mut Take<'_>) -> Result<ExitCode, Failure> {
        let stopped = Stopped::new()?;
        let mut home = Home::new(self.client, self.given, true);
        let mut sent = Sent::default();
        // What is wrong at the first look is a mistake; later it is a folder that is being moved, say.
        let mut look = home.look(&AtomicU64::new(0))?;
        let mut was_away = false;
        loop {
            if look.files > 0 || was_away {
                let calls = calls(home.sessions().map(|(_, session)| session));
                let mut summary = Summary::default();
                summary.say_unreadable(&look);
                // What was not taken is sent with the next look.
                was_away = match self.send(&home, &calls, &mut sent, &mut summary, take) {
                    Ok(()) => false,
                    Err(error) => {
                        eprintln!("{error}; trying again");
                        true
                    }
                };
                if summary.has_any() {
                    println!("{}", summary.line());
                }
            }
            if stopped.within(pause) {
                return Ok(ExitCode::SUCCESS);
            }
            look = home.look(&AtomicU64::new(0)).unwrap_or_else(|error| {
                eprintln!("{error}; looking again");
                Look::default()
            });
        }
    }

    /// Sends the calls that are new, or of which more is known than was sent.
    fn send(
        &self,
        home: &Home,
        calls: &Calls,
        sent: &mut Sent,
        summary: &mut Summary,
        take: &mut Take<'_>,
    ) -> Result<(), Failure> {
        let mut news = Vec::new();
        for (file, told) in &calls.calls {
            let mut line = Vec::with_capacity(512);
            write(self.client, told, &self.whose, &mut line);
            if sent.is_news(told.id(), &line) {
                news.push((*file, told, line));
            }
        }
        let paths: Vec<&Path> = home.sessions().map(|(path, _)| path).collect();
        for part in news.chunks(BODY_CALLS) {
            let body: Vec<u8> = part.iter().flat_map(|(_, _, line)| line).copied().collect();
            let answer = take(&body)?;
            summary.ingested.accepted += answer.accepted;
            summary.ingested.completed += answer.completed;
            summary.ingested.duplicates += answer.duplicates;
            for rejected in &answer.rejected {
                let (file, told, _) = &part[rejected.index.min(part.len() - 1)];
                summary.refuse(paths[*file], told.line(), &rejected.error);
            }
            part.iter().for_each(|(_, told, line)| sent.note(told.id(), line));
        }
        Ok(())
    }

    /// Has a body counted in files opened here.
    fn take(&self, engine: &Engine, body: &[u8]) -> Result<FeedAnswer, Failure> {
        let kept_since = |organization: &str| engine.kept_since(organization);
        take_in(engine, parse(body, true, &self.context(engine.now(), &kept_since))?)
    }

    fn context<'c>(&'c self, now: i64, kept_since: &'c dyn Fn(&str) -> Option<i64>) -> Context<'c> {
        let token = TokenDefaults {
            organization_id: self.whose.organization.as_deref(),
            project_id: Some(DEFAULT_PROJECT),
            api_key_id: Some(self.client.name()),
            sender: SentBy { name: self.client.name(), version: None },
        };
        Context { now, prices: &self.prices, token, kept_since }
    }

    /// Shows what would be loaded, day by day.
    fn preview(&self) -> Result<ExitCode, Failure> {
        let mut home = Home::new(self.client, self.given, false);
        let look = look(&mut home)?;
        let calls = calls(home.sessions().map(|(_, session)| session));
        let (mut preview, mut summary) = (Preview::default(), Summary::default());
        summary.say_unread(&home, &look, &calls);
        let mut take = |body: &[u8]| {
            let Parsed { batch, rejected } = parse(body, true, &self.context(system_clock()(), &for_ever))?.parsed;
            preview.add(&batch)?;
            let rejected = rejected.into_iter().map(Into::into).collect();
            Ok(FeedAnswer { accepted: batch.events.len(), completed: 0, duplicates: 0, ignored: 0, rejected })
        };
        self.send(&home, &calls, &mut Sent::default(), &mut summary, &mut take)?;
        self.describe(&look, &calls, &summary);
        print!("{preview}");
        println!("{} would be rejected; nothing was loaded", HumanCount(summary.rejected));
        Ok(summary.code())
    }

    /// Says what was found, where that is not plain.
    fn describe(&self, look: &Look, calls: &Calls, summary: &Summary) {
        println!(
            "{}: {} calls in {} files ({})",
            self.client.title(),
            HumanCount(calls.calls.len() as u64),
            HumanCount(look.files as u64),
            HumanBytes(look.bytes)
        );
        let bounds = calls.calls.iter().filter(|(_, told)| told.is_lower_bound()).count();
        if bounds > 0 {
            println!("{} of them are lower bounds: the end of the answer was never written", HumanCount(bounds as u64));
        }
        if !calls.unsure.is_empty() {
            println!("{} things are not sure and were left out", HumanCount(calls.unsure.len() as u64));
        }
        let completed = summary.ingested.completed;
        if completed > 0 {
            println!("{} of the accepted told more of calls that were counted before", HumanCount(completed as u64));
        }
    }
}

/// Reads the files with a bar.
fn look(home: &mut Home) -> Result<Look, Failure> {
    let bar = progress_bar(Some(home.size()?)).with_message("reading");
    let (position, is_done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                bar.set_position(position.load(Ordering::Relaxed));
                std::thread::park_timeout(STEP);
            }
        });
        let look = home.look(&position);
        is_done.store(true, Ordering::Relaxed);
        bar.finish_and_clear();
        look
    })
}

/// What was sent of each call, by hashes: an entry takes sixteen bytes.
#[derive(Default)]
struct Sent {
    lines: HashMap<u64, u64>,
    hasher: RandomState,
}

impl Sent {
    fn is_news(&self, id: &str, line: &[u8]) -> bool {
        self.lines.get(&self.hasher.hash_one(id)) != Some(&self.hasher.hash_one(line))
    }

    fn note(&mut self, id: &str, line: &[u8]) {
        self.lines.insert(self.hasher.hash_one(id), self.hasher.hash_one(line));
    }
}

impl Summary {
    fn has_any(&self) -> bool {
        let Ingested { accepted, duplicates, .. } = self.ingested;
        accepted > 0 || duplicates > 0 || self.rejected > 0
    }

    fn line(&self) -> String {
        let Ingested { accepted, duplicates, .. } = self.ingested;
        format!(
            "{} accepted, {} duplicates, {} rejected",
            HumanCount(accepted as u64),
            HumanCount(duplicates as u64),
            HumanCount(self.rejected)
        )
    }

    fn code(&self) -> ExitCode {
        if self.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
    }

    /// Names what was not taken of the files themselves.
    fn say_unread(&mut self, home: &Home, look: &Look, calls: &Calls) {
        self.say_unreadable(look);
        for (path, session) in home.sessions() {
            self.say_refused(path, session);
            if let Some(Note { line, why }) = session.half() {
                self.say(path, *line, why);
            }
        }
        let paths: Vec<&Path> = home.sessions().map(|(path, _)| path).collect();
        calls.unsure.iter().for_each(|(file, Note { line, why })| self.say(paths[*file], *line, why));
    }

    fn say_unreadable(&mut self, look: &Look) {
        for (path, why) in &look.unreadable {
            self.refuse(path, 0, why);
        }
    }

    fn say_refused(&mut self, path: &Path, session: &Session) {
        let (refused, all) = session.refused();
        refused.iter().for_each(|Note { line, why }| self.refuse(path, *line, why));
        self.rejected += all - refused.len() as u64;
    }

    fn refuse(&mut self, path: &Path, line: u64, why: &str) {
        self.rejected += 1;
        self.say(path, line, why);
    }

    fn say(&mut self, path: &Path, line: u64, why: &str) {
        self.shown += 1;
        match self.shown {
            0..=SHOWN if line == 0 => eprintln!("{}: {why}", path.display()),
            0..=SHOWN => eprintln!("{}:{line}: {why}", path.display()),
            _ if self.shown == SHOWN + 1 => {
                eprintln!("there is more that was not taken; only the first {SHOWN} are shown")
            }
            _ => {}
        }
    }
}

/// Whether Ctrl-C or SIGTERM has come.
struct Stopped(Receiver<()>);

impl Stopped {
    fn new() -> std::io::Result<Stopped> {
        let (tell, told) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
            let _ = tell.send(());
        })?;
        Ok(Stopped(told))
    }

    /// Waits, but no longer than until it has come.
    fn within(&self, pause: Duration) -> bool {
        !matches!(self.0.recv_timeout(pause), Err(RecvTimeoutError::Timeout))
    }
}
