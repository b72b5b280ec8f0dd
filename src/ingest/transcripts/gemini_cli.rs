//! Gemini CLI: `~/.gemini/tmp/<project>/chats/session-<time>-<id>.jsonl`.
//!
//! A log of changes. An answer's line is written again when its tools are done, and on resume the history is rewritten
//! without tokens: so a call is the `id` of a line that has them, wherever it stands. No provider's id is kept.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Records, Told, count, fields, has, shared, time};
use crate::ingest::json::{Soft, object, present, word};
use crate::ingest::usage::{Figures, Habits, Place};

/// Its output is without thoughts, its input with what came from the cache.
pub(super) const HABITS: Habits = Habits { cache: Place::Within, reasoning: Place::Beside };

static WANTED: LazyLock<[Finder<'static>; 1]> = LazyLock::new(|| [Finder::new("\"tokens\"")]);

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    model: Option<&'a RawValue>,
    tokens: Option<&'a RawValue>,
    #[serde(default, rename = "$set")]
    set: Soft<Set<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Set<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    model: Option<&'a RawValue>,
    tokens: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Tokens<'a> {
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    output: Option<&'a RawValue>,
    cached: Option<&'a RawValue>,
    thoughts: Option<&'a RawValue>,
}

/// The project as the path has it: the folder that `chats` is in.
pub(super) fn project_of(path: &str) -> Option<&str> {
    let parts: Vec<&str> = path.split(['/', '\\']).collect();
    let chats = parts.iter().rposition(|part| *part == "chats")?;
    chats.checked_sub(1).map(|project| parts[project])
}

pub(super) fn line(records: &mut Records, at: u64, line: &[u8]) -> Result<(), String> {
    if !has(line, &*WANTED) {
        return Ok(());
    }
    let line: Line<'_> = fields(line)?;
    let Line { id, timestamp, model, tokens, set } = line;
    for message in set.0.messages.into_iter().chain([Message { id, timestamp, model, tokens }]) {
        let (Some(id), Some(tokens)) = (word("id", message.id)?, present(message.tokens)) else { continue };
        let tokens: Tokens<'_> = object(tokens.get()).map_err(|error| format!("tokens: {error}"))?;
        records.told.push(Told {
            at: time(message.timestamp),
            model: shared("model", message.model)?,
            provider: Some("google".into()),
            folder: records.folder.clone(),
            figures: Figures {
                input: count("input", tokens.input)?,
                output: count("output", tokens.output)?,
                cached: count("cached", tokens.cached)?,
                reasoning: count("thoughts", tokens.thoughts)?,
                // Its total has what tools asked for, which stands beside the input.
                ..Figures::default()
            },
            ..Told::new(format!("gemini-cli\n{id}"), at)
        });
    }
    Ok(())
}
