//! Qwen Code: `~/.qwen/projects/<folder>/chats/<session>.jsonl`.
//!
//! Each call is told twice, by the line of its answer and by one of telemetry. Only the latter are taken: side calls have
//! no other. `usage_record.jsonl` beside the projects counts a session over all of its runs and is left alone.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Client, Records, Told, count, fields, has, id_of, shared, time};
use crate::ingest::call::Ending;
use crate::ingest::json::{Soft, word};
use crate::ingest::usage::Figures;

static WANTED: LazyLock<[Finder<'static>; 2]> =
    LazyLock::new(|| ["qwen-code.api_response", "qwen-code.api_error"].map(Finder::new));

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow)]
    uuid: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    cwd: Option<&'a RawValue>,
    version: Option<&'a RawValue>,
    #[serde(default)]
    system_payload: Soft<Payload<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Payload<'a> {
    #[serde(borrow)]
    ui_event: Soft<Event<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow, rename = "event.name")]
    name: Option<&'a RawValue>,
    #[serde(rename = "event.timestamp")]
    timestamp: Option<&'a RawValue>,
    response_id: Option<&'a RawValue>,
    model: Option<&'a RawValue>,
    auth_type: Option<&'a RawValue>,
    status_code: Option<&'a RawValue>,
    duration_ms: Option<&'a RawValue>,
    input_token_count: Option<&'a RawValue>,
    output_token_count: Option<&'a RawValue>,
    cached_content_token_count: Option<&'a RawValue>,
    thoughts_token_count: Option<&'a RawValue>,
    total_token_count: Option<&'a RawValue>,
}

pub(super) fn line(records: &mut Records, at: u64, line: &[u8]) -> Result<(), String> {
    if !has(line, &*WANTED) {
        return Ok(());
    }
    let line: Line<'_> = fields(line)?;
    let event = &line.system_payload.0.ui_event.0;
    let has_failed = match word("event.name", event.name)?.as_deref() {
        Some("qwen-code.api_response") => false,
        Some("qwen-code.api_error") => true,
        _ => return Ok(()),
    };
    let status = count("status_code", event.status_code).ok().flatten();
    let took_ms = count("duration_ms", event.duration_ms).ok().flatten().unwrap_or(0);
    let ended = time(event.timestamp).or(time(line.timestamp));
    let id = match (word("response_id", event.response_id)?, word("uuid", line.uuid)?) {
        (Some(answer), _) if !has_failed => id_of(Client::QwenCode, &answer, ended),
        // That of a failure is the request's.
        (Some(request), _) => format!("qwen-code\n{request}"),
        (None, Some(line)) => format!("qwen-code\nline\n{line}"),
        (None, None) => return Err("response_id is missing, and so is uuid".into()),
    };
    records.told.push(Told {
        at: ended.map(|at| at.saturating_sub(i64::try_from(took_ms).unwrap_or_default())),
        model: shared("model", event.model)?,
        // Whose interface it speaks.
        provider: shared("auth_type", event.auth_type)?,
        folder: shared("cwd", line.cwd)?,
        version: shared("version", line.version)?,
        figures: Figures {
            input: count("input_token_count", event.input_token_count)?,
            output: count("output_token_count", event.output_token_count)?,
            total: count("total_token_count", event.total_token_count)?,
            cached: count("cached_content_token_count", event.cached_content_token_count)?,
            reasoning: count("thoughts_token_count", event.thoughts_token_count)?,
            ..Figures::default()
        },
        ending: if has_failed {
            Ending::of_status(status.and_then(|status| u16::try_from(status).ok()))
        } else {
            Ending::Answered
        },
        ..Told::new(id, at)
    });
    Ok(())
}
