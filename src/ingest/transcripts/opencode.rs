//! opencode: the table `message` of `~/.local/share/opencode/opencode.db`, of which each row's JSON is a line here.
//!
//! An assistant's row is a call. It has no provider's id, and a session that is forked copies its rows under new ids: so a
//! call is when it began and ended, its model and its tokens. What is still being answered has no end and is not taken.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Records, Told, can_be, count, fields, has, shared};
use crate::ingest::call::Ending;
use crate::ingest::field::shown;
use crate::ingest::json::{Soft, object, present, word};
use crate::ingest::usage::{Figures, Habits, Place};
use crate::model::UnixMs;

/// Its input is without what came from a cache or was written to one, its output without reasoning.
pub(super) const HABITS: Habits = Habits { cache: Place::Beside, reasoning: Place::Beside };

static WANTED: LazyLock<[Finder<'static>; 1]> = LazyLock::new(|| [Finder::new("\"assistant\"")]);
/// The error of an answer that somebody broke off.
const ABORTED: &str = "MessageAbortedError";

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    role: Option<&'a RawValue>,
    #[serde(default)]
    path: Soft<Path<'a>>,
    #[serde(default)]
    time: Soft<Time<'a>>,
    #[serde(rename = "modelID")]
    model_id: Option<&'a RawValue>,
    #[serde(rename = "providerID")]
    provider_id: Option<&'a RawValue>,
    tokens: Option<&'a RawValue>,
    cost: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Path<'a> {
    #[serde(borrow)]
    cwd: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Time<'a> {
    #[serde(borrow)]
    created: Option<&'a RawValue>,
    completed: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Tokens<'a> {
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    output: Option<&'a RawValue>,
    reasoning: Option<&'a RawValue>,
    #[serde(default)]
    cache: Soft<Cache<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cache<'a> {
    #[serde(borrow)]
    read: Option<&'a RawValue>,
    write: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Failure<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(default)]
    data: Soft<FailureData<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FailureData<'a> {
    #[serde(borrow)]
    status_code: Option<&'a RawValue>,
}

pub(super) fn line(records: &mut Records, at: u64, row: &[u8]) -> Result<(), String> {
    if !has(row, &*WANTED) {
        return Ok(());
    }
    let row: Row<'_> = fields(row)?;
    let is_answer = word("role", row.role)?.as_deref() == Some("assistant");
    let (Some(tokens), Some(created), Some(completed)) = (
        present(row.tokens).filter(|_| is_answer),
        ms("time.created", row.time.0.created)?,
        ms("time.completed", row.time.0.completed)?,
    ) else {
        return Ok(());
    };
    let tokens: Tokens<'_> = object(tokens.get()).map_err(|error| format!("tokens: {error}"))?;
    let figures = Figures {
        input: count("input", tokens.input)?,
        output: count("output", tokens.output)?,
        cached: count("cache.read", tokens.cache.0.read)?,
        cache_write: count("cache.write", tokens.cache.0.write)?,
        reasoning: count("reasoning", tokens.reasoning)?,
        ..Figures::default()
    };
    let counts = [figures.input, figures.output, figures.cached, figures.cache_write, figures.reasoning];
    let used = counts.map(|count| count.unwrap_or(0));
    let (figures, ending) = if used == [0; 5] {
        // Nothing was answered.
        let Some(ending) = failure(row.error) else { return Ok(()) };
        (Figures::default(), ending)
    } else {
        (figures, Ending::Answered)
    };
    let (model, provider) = (shared("modelID", row.model_id)?, shared("providerID", row.provider_id)?);
    let used = used.map(|count| count.to_string()).join(" ");
    let id = format!("opencode\n{created}\n{completed}\n{}\n{used}", model.as_deref().unwrap_or_default());
    records.told.push(Told {
        at: Some(created).filter(|at| can_be(*at)),
        model,
        provider,
        folder: shared("path.cwd", row.path.0.cwd)?,
        figures,
        cost: present(row.cost).map(|cost| cost.get().to_owned()).filter(|cost| !is_zero(cost)),
        ending,
        ..Told::new(id, at)
    });
    Ok(())
}

fn ms(field: &str, value: Option<&RawValue>) -> Result<Option<UnixMs>, String> {
    let Some(value) = present(value) else { return Ok(None) };
    value
        .get()
        .parse()
        .map(Some)
        .map_err(|_| format!("{field} is {}; it must be milliseconds since 1970", shown(value.get())))
}

/// How a request failed, if it did.
fn failure(error: Option<&RawValue>) -> Option<Ending> {
    let failure: Failure<'_> = object(present(error)?.get()).ok()?;
    let name = word("name", failure.name).ok()??;
    let status = count("statusCode", failure.data.0.status_code).ok().flatten();
    (name != ABORTED).then(|| Ending::of_status(status.and_then(|status| u16::try_from(status).ok())))
}

/// A cost of nought stands for models that it knows no price of.
fn is_zero(cost: &str) -> bool {
    cost.parse::<f64>().is_ok_and(|cost| cost == 0.0)
}
