//! Log records of Gemini CLI, and of Qwen Code, which began as a copy of it.
//!
//! A record tells of each answer and one of each try that failed; a second one repeats the first by the conventions of
//! OpenTelemetry, with less. Gemini CLI's traces come along whether anyone asks for them, know less still, and have no id
//! in common with the records: those of its logs count alone. Qwen Code's traces have the answer's id.

use super::Options;
use super::attributes::Attributes;
use super::record::Record;
use super::span::id_of_call;
use super::who::{Client, attributed};
use super::{Ignored, NO_USAGE, ReadCall};
use crate::ingest::Context;
use crate::ingest::call::{Call, Ending};
use crate::ingest::usage::{Figures, Habits};

/// How the names of Gemini CLI's records begin.
pub const GEMINI_EVENTS: &str = "gemini_cli.";
/// How the names of Qwen Code's begin.
pub const QWEN_EVENTS: &str = "qwen-code.";
/// What Gemini CLI's spans are made by.
pub const SCOPE: &str = "gemini-cli";

const GEMINI: Client = Client { app: "gemini-cli", name: "Gemini CLI", provider: None };
const QWEN: Client = Client { app: "qwen-code", name: "Qwen Code", provider: None };

/// Records of theirs that are about no call's end. By their sources of November 2026.
const OTHERS: [&str; 49] = [
    "agent.finish",
    "agent.recovery_attempt",
    "agent.start",
    "api_request",
    "approval_mode_duration",
    "approval_mode_switch",
    "arena_agent_completed",
    "arena_session_ended",
    "arena_session_started",
    "auth",
    "chat.content_retry",
    "chat.content_retry_failure",
    "chat.invalid_chunk",
    "chat_compression",
    "config",
    "conseca.policy_generation",
    "conseca.verdict",
    "conversation_finished",
    "edit_correction",
    "edit_strategy",
    "extension_disable",
    "extension_enable",
    "extension_install",
    "extension_uninstall",
    "extension_update",
    "file_operation",
    "flash_fallback",
    "hook_call",
    "ide_connection",
    "keychain.availability",
    "kitty_sequence_overflow",
    "llm_loop_check",
    "loop_detected",
    "loop_detection_disabled",
    "malformed_json_response",
    "model_routing",
    "network_retry_attempt",
    "next_speaker_check",
    "plan.execution",
    "ripgrep_fallback",
    "rewind",
    "skill_launch",
    "slash_command",
    "slash_command.model",
    "startup_stats",
    "subagent_execution",
    "tool_call",
    "tool_output_truncated",
    "user_prompt",
];

/// The call that a record of Gemini CLI reports, or why it reports none.
pub(super) fn read_gemini<'a>(
    name: &str,
    record: &Record<'a>,
    resource: &Attributes<'a>,
    options: &'a Options,
    context: &Context<'_>,
) -> ReadCall<'a> {
    let about = ["session.id", "prompt_id", "role", "model", "status_code", "duration_ms", "input_token_count"];
    let provider = match record.text("auth_type").as_deref() {
        Some("vertex-ai") => "vertex_ai",
        _ => "google",
    };
    let Some(call) = ended(name, record, provider)? else { return Ok(Err(other(name))) };
    let call = Call { id: record.own_id(GEMINI.app, &about)?, ..call };
    Ok(Ok(attributed(GEMINI, call, &record.attributes, resource, options, context)))
}

/// The call that a record of Qwen Code reports, or why it reports none.
pub(super) fn read_qwen<'a>(
    name: &str,
    record: &Record<'a>,
    resource: &Attributes<'a>,
    options: &'a Options,
    context: &Context<'_>,
) -> ReadCall<'a> {
    let about = ["session.id", "prompt_id", "model", "status_code", "duration_ms", "response_id"];
    let provider = match record.text("auth_type").as_deref() {
        Some("gemini") => "google",
        Some("vertex-ai") => "vertex_ai",
        Some("qwen-oauth") => "qwen",
        Some("anthropic") => "anthropic",
        _ => "openai",
    };
    let Some(call) = ended(name, record, provider)? else { return Ok(Err(other(name))) };
    // That of a failure is its request's. Its record was written within the span that tells of it as well.
    let answer = record.text("response_id").filter(|_| call.ending == Ending::Answered);
    let id = match id_of_call(answer.as_deref(), record.ids, provider) {
        Some(id) => id,
        None => record.own_id(QWEN.app, &about)?,
    };
    let call = Call { id, ..call };
    Ok(Ok(attributed(QWEN, call, &record.attributes, resource, options, context)))
}

fn other(name: &str) -> Ignored {
    if OTHERS.contains(&name) { Ignored::Because(NO_USAGE) } else { Ignored::Unheard }
}

/// A call that has ended, one way or the other, but for who made it.
fn ended<'a>(name: &str, record: &Record<'a>, provider: &'static str) -> Result<Option<Call<'a>>, String> {
    let ending = match name {
        "api_response" => Ending::Answered,
        "api_error" => Ending::of_status(record.status()?),
        _ => return Ok(None),
    };
    // Whether thoughts are within the output or beside it is the provider's affair; where there is a total, it tells. What
    // tools put into the prompt stands beside the input, and in the total.
    let tool = record.count("tool_token_count")?.unwrap_or(0);
    let total = record.count("total_token_count")?.map(|total| total.saturating_sub(tool));
    let figures = Figures { total, ..record.figures()? };
    Ok(Some(Call {
        start: record.start()?,
        model: record.text("model"),
        provider: Some(provider.into()),
        tokens: figures.read(Habits::of_provider(provider)),
        ending,
        ..Call::default()
    }))
}
