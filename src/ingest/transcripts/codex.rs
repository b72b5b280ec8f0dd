//! Codex CLI: `~/.codex/sessions/YYYY/MM/DD/rollout-<time>-<thread>.jsonl`, moved to `archived_sessions/` by an archive.
//!
//! Newer versions (0.171) write a `token_usage_record` for each answer, under its id. Where there are none, a call is a
//! change of the thread's total in the `token_count` lines: those come again before compactions, after failures and with
//! rate limits, and their `last_token_usage` may still be that of the call before.
//!
//! A fork goes on from the totals of its parent. Up to 0.140 it begins with a copy of the parent's lines, all at the time
//! of the fork: those calls are the parent's, under whose thread they are counted, whether its file is there or not.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Calls, Note, Told, count, fields, has, shared, time};
use crate::ingest::call::{Ending, id_of_answer};
use crate::ingest::json::{Soft, object, present, word};
use crate::ingest::usage::Figures;
use crate::model::UnixMs;

/// What stands in every line that is looked at. Within a text the quotes would have backslashes.
static WANTED: LazyLock<[Finder<'static>; 5]> = LazyLock::new(|| {
    ["\"token_count\"", "\"token_usage_record\"", "\"turn_context\"", "\"session_meta\"", "\"task_complete\""]
        .map(Finder::new)
});
/// Whose models it calls, as its telemetry has it: a provider that somebody set up has a name of their own.
const PROVIDER: &str = "openai";
const OTHER_PROVIDERS: [&str; 4] = ["azure", "amazon-bedrock", "ollama", "lmstudio"];
/// Kinds of failed turns in which no request was to blame.
const NO_REQUEST: [&str; 2] = ["sandbox_error", "thread_rollback_failed"];

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(default)]
    payload: Soft<Payload<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    forked_from_id: Option<&'a RawValue>,
    cwd: Option<&'a RawValue>,
    cli_version: Option<&'a RawValue>,
    model_provider: Option<&'a RawValue>,
    model: Option<&'a RawValue>,
    response_id: Option<&'a RawValue>,
    turn_id: Option<&'a RawValue>,
    usage: Option<&'a RawValue>,
    #[serde(default)]
    info: Soft<Info<'a>>,
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info<'a> {
    #[serde(borrow)]
    total_token_usage: Option<&'a RawValue>,
    last_token_usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Usage<'a> {
    #[serde(borrow)]
    input_tokens: Option<&'a RawValue>,
    cached_input_tokens: Option<&'a RawValue>,
    cache_write_input_tokens: Option<&'a RawValue>,
    output_tokens: Option<&'a RawValue>,
    reasoning_output_tokens: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Failure<'a> {
    #[serde(borrow)]
    codex_error_info: Option<&'a RawValue>,
}

/// Input, cached, written to a cache, output, reasoning.
type Used = [u64; 5];

/// What one file tells.
#[derive(Debug, Default)]
pub(super) struct File {
    /// The threads that the lines at its head name: its own, then those that it was forked from.
    threads: Vec<Box<str>>,
    is_fork: bool,
    /// The time of its first line, as it stands there: that of the copies in it, too.
    began: Box<str>,
    /// Whether any line but those of threads came yet.
    is_past_head: bool,
    provider: Option<Arc<str>>,
    version: Option<Arc<str>>,
    folder: Option<Arc<str>>,
    model: Option<Arc<str>>,
    /// Answers with a record of their own, and turns that failed.
    told: Vec<Told>,
    has_records: bool,
    /// The turn of the newest of them.
    answered_turn: Option<Box<str>>,
    /// Totals up to the first such record.
    totals: Vec<Total>,
}

/// A `token_count` line.
#[derive(Debug)]
struct Total {
    line: u64,
    at: Option<UnixMs>,
    is_copy: bool,
    model: Option<Arc<str>>,
    folder: Option<Arc<str>>,
    total: Used,
    last: Used,
}

impl File {
    pub fn line(&mut self, at: u64, line: &[u8]) -> Result<(), String> {
        if !has(line, &*WANTED) {
            self.is_past_head = true;
            return Ok(());
        }
        let line: Line<'_> = fields(line)?;
        let payload = &line.payload.0;
        let kind = word("type", line.kind)?;
        if kind.as_deref() == Some("session_meta") {
            return self.session(&line);
        }
        self.is_past_head = true;
        match (kind.as_deref(), word("type", payload.kind).ok().flatten().as_deref()) {
            (Some("turn_context"), _) => {
                self.model = shared("model", payload.model)?.or(self.model.take());
                self.folder = shared("cwd", payload.cwd)?.or(self.folder.take());
                Ok(())
            }
            (Some("token_usage_record"), _) => self.record(at, &line),
            (Some("event_msg"), Some("token_count")) if !self.has_records => self.total(at, &line),
            (Some("event_msg"), Some("task_complete")) => self.turn(at, &line),
            _ => Ok(()),
        }
    }

    fn session(&mut self, line: &Line<'_>) -> Result<(), String> {
        let payload = &line.payload.0;
        // Only those at the head say what the file is of.
        let Some(thread) = word("id", payload.id)?.filter(|_| !self.is_past_head) else { return Ok(()) };
        if self.threads.is_empty() {
            self.is_fork = present(payload.forked_from_id).is_some();
            self.began = word("timestamp", line.timestamp)?.unwrap_or_default().into();
            let provider = word("model_provider", payload.model_provider)?;
            let provider = provider.filter(|provider| OTHER_PROVIDERS.contains(&&**provider));
            self.provider = Some(Arc::from(provider.as_deref().unwrap_or(PROVIDER)));
            self.version = shared("cli_version", payload.cli_version)?;
            self.folder = shared("cwd", payload.cwd)?;
        }
        self.threads.push(Box::from(&*thread));
        Ok(())
    }

    /// What all calls of the file have in common.
    fn told(&self, id: String, line: u64, at: Option<UnixMs>) -> Told {
        Told {
            at,
            model: self.model.clone(),
            provider: self.provider.clone(),
            folder: self.folder.clone(),
            version: self.version.clone(),
            ..Told::new(id, line)
        }
    }

    fn record(&mut self, at: u64, line: &Line<'_>) -> Result<(), String> {
        self.has_records = true;
        let payload = &line.payload.0;
        let (Some(id), Some(usage)) = (word("response_id", payload.response_id)?, present(payload.usage)) else {
            return Err("a token_usage_record has no response_id or no usage".into());
        };
        self.answered_turn = word("turn_id", payload.turn_id)?.map(|turn| Box::from(&*turn));
        let told = self.told(id_of_answer(&id), at, time(line.timestamp));
        self.told.push(Told { figures: figures(used(usage)?), ..told });
        Ok(())
    }

    fn total(&mut self, at: u64, line: &Line<'_>) -> Result<(), String> {
        let info = &line.payload.0.info.0;
        let Some(total) = present(info.total_token_usage) else { return Ok(()) };
        let last = present(info.last_token_usage).map_or(Ok([0; 5]), used)?;
        let when = word("timestamp", line.timestamp).ok().flatten();
        self.totals.push(Total {
            line: at,
            at: time(line.timestamp),
            is_copy: self.threads.len() > 1 && when.as_deref() == Some(&*self.began),
            model: self.model.clone(),
            folder: self.folder.clone(),
            total: used(total)?,
            last,
        });
        Ok(())
    }

    /// A turn that ended: with an error and without an answer, its request failed. After an answer the error may be about
    /// that, which was cut short and is counted.
    fn turn(&mut self, at: u64, line: &Line<'_>) -> Result<(), String> {
        let payload = &line.payload.0;
        let (Some(error), Some(turn)) = (present(payload.error), word("turn_id", payload.turn_id)?) else {
            return Ok(());
        };
        if self.answered_turn.as_deref() == Some(&*turn) {
            return Ok(());
        }
        let kind = object::<Failure<'_>>(error.get()).ok().and_then(|failure| failure.codex_error_info);
        let kind = kind.and_then(|kind| word("codex_error_info", Some(kind)).ok().flatten());
        if kind.as_deref().is_some_and(|kind| NO_REQUEST.contains(&kind)) {
            return Ok(());
        }
        let ending = match kind.as_deref() {
            Some("bad_request" | "context_window_exceeded") => Ending::ClientError,
            _ => Ending::Error,
        };
        let told = self.told(format!("codex\nturn\n{turn}"), at, time(line.timestamp));
        self.told.push(Told { ending, ..told });
        Ok(())
    }

    /// The calls that its totals tell: of each the line, what it used, and the total after it.
    fn changes(&self) -> Vec<(&Total, Used)> {
        let mut changes = Vec::new();
        let mut before = match self.totals.first() {
            // A fork without copies goes on from where its parent was.
            Some(first) if self.is_fork && self.threads.len() == 1 => {
                std::array::from_fn(|figure| first.total[figure].saturating_sub(first.last[figure]))
            }
            _ => [0; 5],
        };
        for total in self.totals.iter() {
            if total.total == before {
                continue;
            }
            let mut used = [0; 5];
            let grew = (0..5).all(|figure| match total.total[figure].checked_sub(before[figure]) {
                Some(more) => {
                    used[figure] = more;
                    true
                }
                None => false,
            });
            // A total that is smaller is of a new count: what the call used, only its own line says.
            changes.push((total, if grew { used } else { total.last }));
            before = total.total;
        }
        changes
    }
}

fn used(usage: &RawValue) -> Result<Used, String> {
    let usage: Usage<'_> = object(usage.get()).map_err(|error| format!("usage: {error}"))?;
    let of = |field, value| count(field, value).map(Option::unwrap_or_default);
    Ok([
        of("input_tokens", usage.input_tokens)?,
        of("cached_input_tokens", usage.cached_input_tokens)?,
        of("cache_write_input_tokens", usage.cache_write_input_tokens)?,
        of("output_tokens", usage.output_tokens)?,
        of("reasoning_output_tokens", usage.reasoning_output_tokens)?,
    ])
}

fn figures([input, cached, written, output, reasoning]: Used) -> Figures {
    Figures {
        input: Some(input),
        output: Some(output),
        cached: Some(cached),
        cache_write: Some(written),
        reasoning: Some(reasoning),
        ..Figures::default()
    }
}

/// The id of a call that only a thread's total tells.
fn id_of_total(thread: &str, total: &Used) -> String {
    format!("codex\n{thread}\n{}", total.map(|figure| figure.to_string()).join(" "))
}

/// What the files of a home tell together.
pub(super) fn calls(files: &[(usize, &File)], calls: &mut Calls) {
    let mut of_thread: HashMap<&str, Vec<&File>> = HashMap::new();
    for (_, file) in files {
        if let Some(thread) = file.threads.first() {
            of_thread.entry(thread).or_default().push(file);
        }
    }
    for (number, file) in files {
        calls.calls.extend(file.told.iter().map(|told| (*number, told.clone())));
        for (total, used) in file.changes() {
            if used == [0; 5] {
                continue;
            }
            match thread_of(file, total, &of_thread, &mut BTreeSet::new()) {
                Some(thread) => {
                    let told = file.told(id_of_total(thread, &total.total), total.line, total.at);
                    let (model, folder) = (total.model.clone(), total.folder.clone());
                    calls.calls.push((*number, Told { model, folder, figures: figures(used), ..told }));
                }
                None => {
                    let why =
                        "the call was copied from a thread whose file is not there: it is not sure which".to_owned();
                    calls.unsure.push((*number, Note { line: total.line, why }));
                }
            }
        }
    }
}

/// The thread that a call was made in: the file's own, or for a copy that of its parent or of one further up.
fn thread_of<'f>(
    file: &'f File,
    total: &Total,
    of_thread: &HashMap<&str, Vec<&'f File>>,
    seen: &mut BTreeSet<&'f str>,
) -> Option<&'f str> {
    let own = file.threads.first().map_or("", |thread| &**thread);
    if !total.is_copy {
        return Some(own);
    }
    let parent = file.threads.get(1)?;
    if !seen.insert(own) {
        return None;
    }
    for of_parent in of_thread.get(&**parent).into_iter().flatten() {
        if let Some(known) = of_parent.totals.iter().find(|known| known.total == total.total) {
            return thread_of(of_parent, known, of_thread, seen);
        }
    }
    // Further up there is nobody, or somebody whose own calls are there to compare with.
    match &file.threads[2..] {
        [] => Some(parent),
        above => above.iter().find_map(|thread| {
            let of_above = of_thread.get(&**thread)?;
            let has_it = |known: &Total| !known.is_copy && known.total == total.total;
            of_above.iter().any(|above| above.totals.iter().any(has_it)).then_some(&**thread)
        }),
    }
}
