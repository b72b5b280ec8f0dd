//! LiteLLM's table `LiteLLM_SpendLogs`, a row for whatever was asked of its proxy. What of it counts is decided as for what
//! the proxy posts.

use super::call::Ending;
use super::litellm::{Asked, EXTRAS, ending};
use super::row::{Draft, Row, quoted};
use crate::model::PicoUsd;

pub(super) const COLUMNS: &[(&str, &str)] = &[
    ("id", "request_id"),
    ("timestamp", "startTime"),
    ("organizationId", "organization_id"),
    ("projectId", "team_id"),
    ("apiKeyId", "api_key"),
    ("usedModel", "model"),
    ("usedModel", "model_group"),
    ("usedProvider", "custom_llm_provider"),
    ("promptTokens", "prompt_tokens"),
    ("completionTokens", "completion_tokens"),
    ("totalTokens", "total_tokens"),
    ("cachedTokens", "metadata.usage_object.prompt_tokens_details.cached_tokens"),
    ("cachedTokens", "metadata.usage_object.cache_read_input_tokens"),
    ("cachedTokens", "metadata.additional_usage_values.cache_read_input_tokens"),
    ("cacheWriteTokens", "metadata.usage_object.prompt_tokens_details.cache_creation_tokens"),
    ("cacheWriteTokens", "metadata.usage_object.prompt_tokens_details.cache_write_tokens"),
    ("cacheWriteTokens", "metadata.usage_object.cache_creation_input_tokens"),
    ("cacheWriteTokens", "metadata.additional_usage_values.cache_creation_input_tokens"),
    (
        "cacheWrite1hTokens",
        "metadata.usage_object.prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens",
    ),
    ("cacheWrite1hTokens", "metadata.usage_object.cache_creation.ephemeral_1h_input_tokens"),
    ("reasoningTokens", "metadata.usage_object.completion_tokens_details.reasoning_tokens"),
    ("audioInputTokens", "metadata.usage_object.prompt_tokens_details.audio_tokens"),
    ("audioOutputTokens", "metadata.usage_object.completion_tokens_details.audio_tokens"),
    ("cost", "spend"),
    ("cached", "cache_hit"),
    ("hasError", "status"),
];
const WHOLES: [&str; 3] = ["promptTokens", "completionTokens", "totalTokens"];

/// The event of a row: a call, or the cost of what is none.
pub(super) fn finish(row: &Row<'_>, mut draft: Draft) -> Result<Option<Draft>, String> {
    let asked = Asked::by(&row.text("call_type")?.unwrap_or_default());
    let failed = draft.get("hasError") == Some("true");
    let used_any = WHOLES[..2].iter().any(|field| draft.whole(field) > 0) || draft.whole(WHOLES[2]) > 0 && !failed;
    let costs = draft.cost().is_some_and(|cost| cost != PicoUsd::ZERO);
    if asked.passed_over(used_any, costs, failed).is_some() {
        return Ok(None);
    }
    match asked {
        Asked::Extra => {
            draft.set("usedModel", quoted(EXTRAS));
            draft.set("noRequest", "true");
        }
        Asked::Batch => draft.fill("serviceTier", "batch"),
        Asked::Answer if !failed && !used_any => {
            // It is made in the background, and nobody knows yet what it takes.
            WHOLES.iter().for_each(|field| draft.remove(field));
            if !costs && draft.get("cached") != Some("true") {
                draft.remove("cost");
            }
        }
        _ => {}
    }
    if ended(row, failed)? == Ending::ClientError {
        draft.fill("finishReason", "client_error");
    }
    Ok(Some(draft))
}

fn ended(row: &Row<'_>, failed: bool) -> Result<Ending, String> {
    // What is looked for is in few rows, and metadata are long.
    if !row.text("metadata")?.is_some_and(|metadata| metadata.contains("error_code")) {
        return Ok(ending(failed, None, None, None));
    }
    let told = |name: &str| row.text(&format!("metadata.error_information.{name}"));
    let status = told("error_code")?.and_then(|code| code.parse().ok());
    Ok(ending(failed, status, told("error_class")?.as_deref(), told("llm_provider")?.as_deref()))
}
