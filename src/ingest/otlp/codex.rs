//! Codex CLI's log records. Of each answer one has the tokens, and of each try that failed one has its end.
//!
//! Its traces tell the same without a model, and its metrics sum it up: neither is counted.

use super::Options;
use super::attributes::Attributes;
use super::record::Record;
use super::who::{Client, attributed};
use super::{Ignored, NO_USAGE, ReadCall};
use crate::ingest::Context;
use crate::ingest::call::{Call, Ending};
use crate::ingest::usage::{Figures, Habits};

/// How the names of its records begin. The service is named after the program that runs it (`codex_exec`, `codex_tui`,
/// an editor), which says nothing.
pub const EVENTS: &str = "codex.";
/// It names no provider on a record of usage, and the one it is for is this.
const CLIENT: Client = Client { app: "codex", name: "Codex", provider: Some("openai") };
/// Its records that are about no call's end. By its documentation and its source of November 2026.
const OTHERS: [&str; 13] = [
    "auth_recovery",
    "conversation_starts",
    "sandbox_outcome",
    "startup_phase",
    "tool_decision",
    "tool_result",
    "turn_cost",
    "turn_ttft",
    "user_prompt",
    "websocket_connect",
    "websocket_event",
    // Says that something was sent. How that ended is told as in a stream over HTTP.
    "websocket_request",
    "app_server_request",
];

/// Whether spans are its own: their scope is named as the service.
pub fn traces(scope: &str) -> bool {
    scope.strip_prefix("codex").is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '-']))
}

/// The call that a record reports, or why it reports none.
pub(super) fn read<'a>(
    name: &str,
    record: &Record<'a>,
    resource: &Attributes<'a>,
    options: &'a Options,
    context: &Context<'_>,
) -> ReadCall<'a> {
    let told = match name {
        "sse_event" => answer(record)?,
        "api_request" => refused(record)?,
        other if OTHERS.contains(&other) => None,
        _ => return Ok(Err(Ignored::Unheard)),
    };
    let Some((call, about)) = told else { return Ok(Err(Ignored::Because(NO_USAGE))) };
    let call = Call {
        id: record.own_id(CLIENT.app, about)?,
        start: record.start()?,
        model: record.text("model").or_else(|| record.text("slug")),
        ..call
    };
    Ok(Ok(attributed(CLIENT, call, &record.attributes, resource, options, context)))
}

/// What a call is, and the attributes that tell it from others of the same moment.
type Told<'a> = Option<(Call<'a>, &'static [&'static str])>;

/// The end of a stream. Each has two records of this name over HTTP, of which one has the tokens; a stream that broke
/// off has one with an error instead. Before the first call over a WebSocket comes one that asks for nothing.
fn answer<'a>(record: &Record<'a>) -> Result<Told<'a>, String> {
    if record.text("event.kind").as_deref() != Some("response.completed") {
        return Ok(None);
    }
    // The total stands under the name of something else.
    let figures = Figures { total: record.count("tool_token_count")?, ..record.figures()? };
    let tokens = figures.read(Habits::default());
    let about = &["conversation.id", "input_token_count", "output_token_count", "cached_token_count"];
    Ok(match tokens {
        Some(tokens) if tokens.is_zero() => None,
        Some(_) => Some((Call { tokens, ..Call::default() }, about)),
        None if record.attributes.first(&["error.message"]).is_some() => Some(failed(Ending::Error)),
        None => None,
    })
}

/// A try that was refused, or came to nothing before an answer began.
fn refused<'a>(record: &Record<'a>) -> Result<Told<'a>, String> {
    let status = record.status()?;
    let is_call = match record.text("endpoint").as_deref() {
        Some(endpoint) => endpoint.starts_with("/responses") || endpoint.ends_with("/chat/completions"),
        // Not told by versions that sent none of other requests.
        None => record.text("model").is_some(),
    };
    let has_failed =
        status.map_or_else(|| record.attributes.first(&["error.message"]).is_some(), |status| status >= 400);
    Ok((is_call && has_failed).then(|| failed(Ending::of_status(status))))
}

fn failed<'a>(ending: Ending) -> (Call<'a>, &'static [&'static str]) {
    (Call { ending, ..Call::default() }, &["conversation.id", "attempt"])
}
