//! Claude Code's log records: one for each request that was answered, one for each prompt that came to nothing. Its spans
//! tell of the same requests.

use super::attributes::Attributes;
use super::operation::{Kind, Operation};
use super::record::Record;
use super::span::{Span, Traced};
use super::who::{Client, attributed};
use super::{Ignored, NO_CALL, NO_USAGE, Options, ReadCall, TOLD_BY_LOGS, ms_of_nanos};
use crate::ingest::Context;
use crate::ingest::call::{Call, Ending};
use crate::ingest::field::missing;
use crate::ingest::usage::{Figures, Habits, Place, tier_of};
use crate::model::PicoUsd;

/// How the names of its records begin.
pub const EVENTS: &str = "claude_code.";
/// What its log records are made by.
pub const LOGS: &str = "com.anthropic.claude_code.events";
/// What its spans are made by.
pub const SCOPE: &str = "com.anthropic.claude_code.tracing";

const CLIENT: Client = Client { app: "claude-code", name: "Claude Code", provider: Some("anthropic") };
/// Its records that are about no request's end. By its documentation and what stands in the program of November 2026.
const OTHERS: [&str; 32] = [
    "api_refusal",
    "api_request_body",
    "api_response_body",
    "api_retries_exhausted",
    "assistant_response",
    "at_mention",
    "auth",
    "compaction",
    "feedback_survey",
    "hook_execution_complete",
    "hook_execution_start",
    "hook_plugin_metrics",
    "hook_registered",
    "internal_error",
    "managed_settings_resolved",
    "mcp_server_connection",
    "permission_decision",
    "permission_mode_changed",
    "plugin_installed",
    "plugin_loaded",
    "retention_sweep",
    "safety_event",
    "session_end",
    "session_start",
    "skill_activated",
    // The sum of calls that were each reported.
    "subagent_completed",
    "subagent_started",
    "tool_decision",
    "tool_execution",
    "tool_result",
    "user_prompt",
    "user_prompt_submit",
];

/// The call a record reports and what it says about who made it, or why it reports none.
pub(super) fn read<'a>(
    name: &str,
    record: &Record<'a>,
    resource: &Attributes<'a>,
    options: &'a Options,
    context: &Context<'_>,
) -> ReadCall<'a> {
    let ending = match name {
        "api_request" => Ending::Answered,
        "api_error" => Ending::of_status(record.status()?),
        other if OTHERS.contains(&other) => return Ok(Err(Ignored::Because(NO_USAGE))),
        _ => return Ok(Err(Ignored::Unheard)),
    };
    let attributes = &record.attributes;
    let call = Call {
        id: id(record)?,
        start: record.start()?,
        tokens: figures(attributes)?.read(HABITS),
        // 0 for models that it knows no price of.
        cost: attributes.money(&["cost_usd"])?.filter(|cost| *cost != PicoUsd::ZERO),
        ending,
        ..of_model(attributes)
    };
    Ok(Ok(attributed(CLIENT, call, attributes, resource, options, context)))
}

/// The request that one of its spans traces: the same that its log records report, under the same id. Of a request that
/// failed only they have the end, and so it is with one that the provider gave no id.
pub(super) fn trace<'a>(
    span: &Span<'a>,
    resource: &Attributes<'a>,
    options: &'a Options,
    context: &Context<'_>,
) -> Result<Result<Traced<'a>, &'static str>, String> {
    let attributes = &span.attributes;
    if !matches!(span.operation(), Some(Operation::Call(_))) {
        return Ok(Err(NO_CALL));
    }
    let Some(request) = attributes.text(&["request_id"]).filter(|_| !span.failed()) else {
        return Ok(Err(TOLD_BY_LOGS));
    };
    if span.start_nanos == 0 {
        return Err(missing("startTimeUnixNano"));
    }
    let own = figures(attributes)?;
    let (figures, client) =
        if own == Figures::default() { (span.figures()?, Habits::default()) } else { (own, HABITS) };
    let call = Call {
        id: id_of(&request),
        start: ms_of_nanos(span.start_nanos),
        tokens: figures.read(client),
        ..of_model(attributes)
    };
    let (call, said) = attributed(CLIENT, call, attributes, resource, options, context);
    Ok(Ok(Traced { call, said, kind: Kind::Text, is_read: false, figures, client }))
}

/// Which model answered, and where it runs.
fn of_model<'a>(attributes: &Attributes<'a>) -> Call<'a> {
    let provider = match attributes.text(&["anthropic.provider"]).as_deref() {
        Some("bedrock" | "mantle") => Some("bedrock"),
        Some("vertex") => Some("vertex_ai"),
        Some("foundry") => Some("azure"),
        // Its own, or none that it says: the model's name may tell.
        _ => None,
    };
    Call {
        model: attributes.text(&["model"]),
        provider: provider.map(Into::into),
        tier: attributes
            .text(&["speed"])
            .filter(|speed| speed == "fast")
            .map(|speed| tier_of(&speed))
            .unwrap_or_default(),
        ..Call::default()
    }
}

fn id_of(request: &str) -> String {
    format!("claude-code\n{request}")
}

/// The provider's id of the request; where it gave none, the session and the place in it.
fn id(record: &Record<'_>) -> Result<String, String> {
    if let Some(request) = record.text("request_id") {
        return Ok(id_of(&request));
    }
    match (record.text("session.id"), record.text("event.sequence")) {
        (Some(session), Some(sequence)) => Ok(format!("claude-code\n{session}\n{sequence}")),
        _ => Err("request_id is missing, and so is session.id or event.sequence".into()),
    }
}

/// Its `input_tokens` leave out what was read from and written to the cache.
const HABITS: Habits = Habits { cache: Place::Beside, reasoning: Place::Usual };

fn figures(attributes: &Attributes<'_>) -> Result<Figures, String> {
    let count = |name| attributes.count(&[name]);
    Ok(Figures {
        input: count("input_tokens")?,
        output: count("output_tokens")?,
        cached: count("cache_read_tokens")?,
        cache_write: count("cache_creation_tokens")?,
        cache_write_1h: count("cache_creation_1h_tokens")?,
        ..Figures::default()
    })
}
