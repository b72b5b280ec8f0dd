//! GitHub Copilot CLI: `~/.copilot/session-state/<session>/events.jsonl`.
//!
//! A `session.usage_record` for each call. `session.shutdown` has sums over all runs of the session and is left alone;
//! `cost` counts premium requests, not dollars.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Client, Records, Told, count, fields, has, id_of, shared, time};
use crate::ingest::json::{Soft, word};
use crate::ingest::usage::Figures;

static WANTED: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| ["\"session.usage_record\"", "\"session.start\"", "\"session.resume\""].map(Finder::new));
/// Who answers where no key of one's own is used.
const PROVIDER: &str = "github_copilot";

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    #[serde(default)]
    data: Soft<Data<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data<'a> {
    #[serde(borrow)]
    copilot_version: Option<&'a RawValue>,
    context: Soft<Context<'a>>,
    usage: Soft<Usage<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Context<'a> {
    #[serde(borrow)]
    cwd: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Usage<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    provider_type: Option<&'a RawValue>,
    is_byok: Option<&'a RawValue>,
    duration: Option<&'a RawValue>,
    input_tokens: Option<&'a RawValue>,
    output_tokens: Option<&'a RawValue>,
    cache_read_tokens: Option<&'a RawValue>,
    cache_write_tokens: Option<&'a RawValue>,
    reasoning_tokens: Option<&'a RawValue>,
    api_call_id: Option<&'a RawValue>,
    accounting: Soft<Accounting<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Accounting<'a> {
    #[serde(borrow)]
    usage_id: Option<&'a RawValue>,
}

pub(super) fn line(records: &mut Records, at: u64, line: &[u8]) -> Result<(), String> {
    if !has(line, &*WANTED) {
        return Ok(());
    }
    let line: Line<'_> = fields(line)?;
    let data = &line.data.0;
    match word("type", line.kind)?.as_deref() {
        Some("session.start" | "session.resume") => {
            records.folder = shared("cwd", data.context.0.cwd)?.or(records.folder.take());
            records.version = shared("copilotVersion", data.copilot_version)?.or(records.version.take());
            return Ok(());
        }
        Some("session.usage_record") => {}
        _ => return Ok(()),
    }
    let usage = &data.usage.0;
    let id = word("usageId", usage.accounting.0.usage_id)?.or(word("apiCallId", usage.api_call_id)?);
    let id = id.ok_or("usageId is missing")?;
    let is_own_key = usage.is_byok.is_some_and(|is| is.get() == "true");
    let provider = shared("providerType", usage.provider_type)?.filter(|_| is_own_key);
    let took_ms = count("duration", usage.duration).ok().flatten().unwrap_or(0);
    records.told.push(Told {
        at: time(line.timestamp).map(|at| at.saturating_sub(i64::try_from(took_ms).unwrap_or_default())),
        model: shared("model", usage.model)?,
        provider: provider.or(Some(PROVIDER.into())),
        folder: records.folder.clone(),
        version: records.version.clone(),
        figures: Figures {
            input: count("inputTokens", usage.input_tokens)?,
            output: count("outputTokens", usage.output_tokens)?,
            cached: count("cacheReadTokens", usage.cache_read_tokens)?,
            cache_write: count("cacheWriteTokens", usage.cache_write_tokens)?,
            reasoning: count("reasoningTokens", usage.reasoning_tokens)?,
            ..Figures::default()
        },
        ..Told::new(id_of(Client::Copilot, &id, time(line.timestamp)), at)
    });
    Ok(())
}
