//! What coding agents keep on disk: the lines of their session files → calls, each of them once.
//!
//! One file is read into a [`Session`], line by line, as far as it goes: any part of a file from its beginning is a valid
//! state of it. What the files of a home tell together makes the calls ([`calls`]): clients copy lines into forks and new
//! files, write a line for each part of an answer, and count on where another file left off. Which call is which is
//! therefore for each client to say, in a file of its own here.
//!
//! From here on calls are lines again (`body`), the same whether a store takes them here or a server elsewhere. They
//! have no text in them that anybody wrote to a model or got from one.

mod body;
mod claude_code;
mod codex;
mod copilot;
mod gemini_cli;
mod opencode;
mod qwen_code;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::call::{Ending, id_of_answer};
use super::field::whole;
use super::json::{object, present, word};
use super::usage::{Figures, Habits};
use crate::calendar;
use crate::model::{FIRST_HOUR, UnixMs};
use crate::pricing::ServiceTier;
pub use body::{Whose, parse, write};

/// A coding agent whose session files are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    ClaudeCode,
    Codex,
    GeminiCli,
    QwenCode,
    Copilot,
    Opencode,
}

impl Client {
    pub const ALL: [Client; 6] =
        [Client::ClaudeCode, Client::Codex, Client::GeminiCli, Client::QwenCode, Client::Copilot, Client::Opencode];

    /// As `--format` has it; also the app its usage is shown under, and how the keys of people who use it begin.
    pub fn name(self) -> &'static str {
        match self {
            Client::ClaudeCode => "claude-code",
            Client::Codex => "codex",
            Client::GeminiCli => "gemini-cli",
            Client::QwenCode => "qwen-code",
            Client::Copilot => "copilot",
            Client::Opencode => "opencode",
        }
    }

    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            Client::ClaudeCode => "Claude Code",
            Client::Codex => "Codex CLI",
            Client::GeminiCli => "Gemini CLI",
            Client::QwenCode => "Qwen Code",
            Client::Copilot => "GitHub Copilot CLI",
            Client::Opencode => "opencode",
        }
    }

    pub fn named(name: &str) -> Option<Client> {
        Client::ALL.into_iter().find(|client| client.name() == name)
    }

    /// How it counts tokens.
    fn habits(self) -> Habits {
        match self {
            Client::ClaudeCode => claude_code::HABITS,
            Client::GeminiCli => gemini_cli::HABITS,
            Client::Opencode => opencode::HABITS,
            Client::Codex | Client::QwenCode | Client::Copilot => Habits::default(),
        }
    }
}

/// Longest line that is looked at. Lines with pictures in them have some megabytes.
pub const MAX_LINE_BYTES: usize = 64 << 20;
/// Lines of a file whose faults are kept; the rest is counted.
const MAX_NOTES: usize = 100;
/// Places in a broken line at which a whole record may begin.
const MAX_BEGINNINGS: usize = 1000;
/// Most digits of an answer's number that comes again: Ollama numbers its own from 0 to 998.
const FEW_DIGITS: usize = 3;

/// What has been read of one file.
#[derive(Debug)]
pub struct Session {
    client: Client,
    lines: u64,
    tells: Tells,
    /// Lines that are not valid; the first of them, and how many in all.
    refused: Vec<Note>,
    refused_lines: u64,
    /// The half of a line that the file ends in.
    half: Option<Note>,
}

/// What a file tells.
#[derive(Debug)]
enum Tells {
    ClaudeCode(Box<claude_code::File>),
    Codex(Box<codex::File>),
    Calls(Records),
}

/// Of a client whose records tell of a call each, whatever stands in other files.
#[derive(Debug, Default)]
struct Records {
    /// The working directory, where it is not in the records.
    folder: Option<Arc<str>>,
    version: Option<Arc<str>>,
    told: Vec<Told>,
}

/// A line that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub line: u64,
    pub why: String,
}

impl Session {
    /// Nothing read yet of a file. Its path says which project it is of, where its lines do not.
    pub fn new(client: Client, path: &str) -> Session {
        let tells = match client {
            Client::ClaudeCode => Tells::ClaudeCode(Box::new(claude_code::File::new(path))),
            Client::Codex => Tells::Codex(Box::default()),
            Client::GeminiCli => {
                Tells::Calls(Records { folder: gemini_cli::project_of(path).map(Arc::from), ..Records::default() })
            }
            Client::QwenCode | Client::Copilot | Client::Opencode => Tells::Calls(Records::default()),
        };
        Session { client, lines: 0, tells, refused: Vec::new(), refused_lines: 0, half: None }
    }

    /// Takes the whole lines that the bytes begin with, and says how many bytes those are.
    pub fn read(&mut self, bytes: &[u8]) -> usize {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            self.line(&bytes[start..end]);
            start = end + 1;
        }
        start
    }

    /// Takes one line, or what stands for one.
    pub fn read_line(&mut self, line: &[u8]) {
        self.line(line);
    }

    /// Takes what stands after the last line's end: a line, or half of one.
    pub fn read_rest(&mut self, bytes: &[u8]) {
        match bytes.trim_ascii().is_empty() {
            true => {}
            false if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() => self.line(bytes),
            false => {
                let why = "the line is half-written: the file ends in it".to_owned();
                self.half = Some(Note { line: self.lines + 1, why });
            }
        }
    }

    /// Passes over a line that is too long to be kept in memory.
    pub fn skip_line(&mut self) {
        self.lines += 1;
        self.refuse(format!("the line is longer than {} MiB", MAX_LINE_BYTES >> 20));
    }

    /// The first lines that are not valid, and how many there are.
    pub fn refused(&self) -> (&[Note], u64) {
        (&self.refused, self.refused_lines)
    }

    /// The half of a line that the file ends in.
    pub fn half(&self) -> Option<&Note> {
        self.half.as_ref()
    }

    fn refuse(&mut self, why: String) {
        self.refused_lines += 1;
        if self.refused.len() < MAX_NOTES {
            self.refused.push(Note { line: self.lines, why });
        }
    }

    fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        if let Err(why) = self.take(line) {
            self.refuse(why);
            // What was being written when the client was ended may be on the line of what the next run wrote first.
            if let Some(Err(why)) = whole_record_in(line).map(|rest| self.take(rest)) {
                self.refuse(why);
            }
        }
    }

    fn take(&mut self, line: &[u8]) -> Result<(), String> {
        let at = self.lines;
        match (&mut self.tells, self.client) {
            (Tells::ClaudeCode(file), _) => file.line(at, line),
            (Tells::Codex(file), _) => file.line(at, line),
            (Tells::Calls(records), Client::GeminiCli) => gemini_cli::line(records, at, line),
            (Tells::Calls(records), Client::QwenCode) => qwen_code::line(records, at, line),
            (Tells::Calls(records), Client::Copilot) => copilot::line(records, at, line),
            (Tells::Calls(records), _) => opencode::line(records, at, line),
        }
    }
}

/// The record that stands whole behind half of one. Objects within it end before the line does.
fn whole_record_in(line: &[u8]) -> Option<&[u8]> {
    let is_json = |text: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
    let begins = || memchr::memmem::find_iter(line, "{\"").filter(|at| *at > 0).take(MAX_BEGINNINGS);
    if is_json(line) { None } else { begins().map(|at| &line[at..]).find(|rest| is_json(rest)) }
}

/// A call as the files of a home tell it.
#[derive(Debug, Clone)]
pub struct Told {
    /// The event's id, and another one under which senders of telemetry know the same call.
    id: String,
    other_id: Option<String>,
    /// When it started, as far as its records say; none of them may have a time that can be.
    at: Option<UnixMs>,
    model: Option<Arc<str>>,
    provider: Option<Arc<str>>,
    /// The working directory.
    folder: Option<Arc<str>>,
    /// The client's version.
    version: Option<Arc<str>>,
    figures: Figures,
    /// Written before the end of the answer: as many tokens at least.
    is_partial: bool,
    tier: ServiceTier,
    /// In dollars, as a JSON number.
    cost: Option<String>,
    ending: Ending,
    /// The line that tells it.
    line: u64,
}

impl Told {
    fn new(id: String, line: u64) -> Told {
        Told {
            id,
            other_id: None,
            at: None,
            model: None,
            provider: None,
            folder: None,
            version: None,
            figures: Figures::default(),
            is_partial: false,
            tier: ServiceTier::Standard,
            cost: None,
            ending: Ending::Answered,
            line,
        }
    }

    /// Of two records of one call the one with the larger usage, whole; what does not depend on which it is, from both.
    fn fold(&mut self, mut other: Told) {
        if other.rank() > self.rank() {
            std::mem::swap(self, &mut other);
        }
        self.at = self.at.into_iter().chain(other.at).min();
        self.other_id = self.other_id.take().into_iter().chain(other.other_id).min();
    }

    /// The order in which records of one call replace each other: the same whichever is read first.
    fn rank(&self) -> impl Ord + use<'_> {
        let Figures { input, output, cached, cache_write, cache_write_1h, reasoning, .. } = self.figures;
        let all = [input, cached, cache_write, output].into_iter().flatten().fold(0u64, u64::saturating_add);
        let figures = (all, output, input, cached, cache_write, cache_write_1h, reasoning);
        // Between records that say the same, whatever is told apart must still be the same in the end.
        (figures, !self.is_partial, &self.model, &self.provider, &self.folder, &self.version, &self.cost)
    }
}

/// What the files of a home tell together.
#[derive(Debug, Default)]
pub struct Calls {
    /// Calls with the number of the file and the line that tells them.
    pub calls: Vec<(usize, Told)>,
    /// What is not counted because it is not sure: the file, the line and why.
    pub unsure: Vec<(usize, Note)>,
}

impl Told {
    /// The line of its file that tells it.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Whether its end was never written.
    pub fn is_lower_bound(&self) -> bool {
        self.is_partial
    }

    pub fn id(&self) -> &str {
        &self.id
    }
}

/// The calls of a home, in order of their ids.
pub fn calls<'s>(sessions: impl Iterator<Item = &'s Session>) -> Calls {
    let mut calls = Calls::default();
    let (mut of_claude_code, mut of_codex) = (Vec::new(), Vec::new());
    for (file, session) in sessions.enumerate() {
        match &session.tells {
            Tells::ClaudeCode(tells) => of_claude_code.push((file, &**tells)),
            Tells::Codex(tells) => of_codex.push((file, &**tells)),
            Tells::Calls(records) => calls.calls.extend(records.told.iter().map(|told| (file, told.clone()))),
        }
    }
    claude_code::calls(&of_claude_code, &mut calls);
    codex::calls(&of_codex, &mut calls);
    calls.fold();
    calls
}

impl Calls {
    /// Makes one of all that tell of the same call.
    fn fold(&mut self) {
        let mut folded: BTreeMap<String, (usize, Told)> = BTreeMap::new();
        for (file, told) in std::mem::take(&mut self.calls) {
            match folded.entry(told.id.clone()) {
                std::collections::btree_map::Entry::Vacant(new) => drop(new.insert((file, told))),
                std::collections::btree_map::Entry::Occupied(mut known) => {
                    let (of, known) = known.get_mut();
                    if told.rank() > known.rank() {
                        *of = file;
                    }
                    known.fold(told);
                }
            }
        }
        self.calls = folded.into_values().collect();
    }
}

/// Reads what is asked for of a line's fields.
fn fields<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, String> {
    let text = std::str::from_utf8(line).map_err(|error| format!("the line is not UTF-8: {error}"))?;
    object(text).map_err(|error| format!("the line is not valid JSON: {error}"))
}

/// A number of tokens that may be left out or `null`.
fn count(field: &str, value: Option<&RawValue>) -> Result<Option<u64>, String> {
    present(value).map(|value| whole(field, value)).transpose()
}

fn shared(field: &str, value: Option<&RawValue>) -> Result<Option<Arc<str>>, String> {
    Ok(word(field, value)?.map(|text: Cow<'_, str>| Arc::from(&*text)))
}

/// A time as a text, if it is one that an event may have.
fn time(value: Option<&RawValue>) -> Option<UnixMs> {
    let text = word("timestamp", value).ok()??;
    calendar::parse_rfc3339(&text).filter(|at| can_be(*at))
}

/// Whether a clock may have shown this. That it was not ahead is for the event's reader to see.
fn can_be(at: UnixMs) -> bool {
    at >= FIRST_HOUR.start_ms()
}

/// The event id of an answer by the provider's id: whoever else tells of it agrees on it. Servers of one's own give out
/// numbers, and the same ones again; their answers are told apart by the moment.
fn id_of(client: Client, answer: &str, ended: Option<UnixMs>) -> String {
    let number = answer.strip_prefix("chatcmpl-").unwrap_or(answer);
    match number.len() <= FEW_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("{}\n{answer}\n{}", client.name(), ended.unwrap_or_default()),
        false => id_of_answer(answer),
    }
}

/// Whether any of these stands in a line. Most lines have none of what is looked for, and are many times as long as those
/// that do.
fn has(line: &[u8], finders: &[memchr::memmem::Finder<'static>]) -> bool {
    finders.iter().any(|finder| finder.find(line).is_some())
}
