//! What OpenRouter writes of calls and of days: which columns hold what, and what goes by one's own keys.

use super::cell;
use super::row::{Draft, Row};
use crate::model::PicoUsd;

/// Generations, billed by native tokens; the activity page's export of them; and the API's activity, in days.
pub(super) const COLUMNS: &[(&str, &str)] = &[
    ("id", "id"),
    ("id", "generation_id"),
    ("timestamp", "created_at"),
    ("timestamp", "date"),
    ("apiKeyId", "api_key_name"),
    ("usedModel", "model"),
    ("usedModel", "model_permaslug"),
    ("usedProvider", "provider_name"),
    ("source", "http_referer"),
    ("source", "app_name"),
    ("promptTokens", "native_tokens_prompt"),
    ("promptTokens", "tokens_prompt"),
    ("promptTokens", "prompt_tokens"),
    ("completionTokens", "native_tokens_completion"),
    ("completionTokens", "tokens_completion"),
    ("completionTokens", "completion_tokens"),
    ("cachedTokens", "native_tokens_cached"),
    ("cachedTokens", "tokens_cached"),
    ("reasoningTokens", "native_tokens_reasoning"),
    ("reasoningTokens", "tokens_reasoning"),
    ("reasoningTokens", "reasoning_tokens"),
    ("cost", "total_cost"),
    ("cost", "cost_total"),
    ("cost", "usage"),
    ("streamed", "streamed"),
    ("finishReason", "finish_reason"),
    ("finishReason", "finish_reason_normalized"),
    ("count", "requests"),
];

/// An amount in a column that is no field of its own; 0 when it is not there.
fn amount(row: &Row<'_>, column: &str) -> Result<PicoUsd, String> {
    let Some(text) = row.text(column)? else { return Ok(PicoUsd::ZERO) };
    let number = match cell::Figure::of(&text, cell::Unit::Usd).map_err(|error| format!("column {column}: {error}"))? {
        cell::Figure::Absent | cell::Figure::Included => return Ok(PicoUsd::ZERO),
        // OpenRouter writes a point.
        cell::Figure::Number(number) | cell::Figure::Of(_, number) | cell::Figure::Either { point: number, .. } => {
            number
        }
    };
    PicoUsd::parse_event_cost(&number).map_err(|error| format!("column {column}: '{text}' {error}"))
}

/// With one's own keys OpenRouter bills its fee alone; what the provider bills is in a column beside.
pub(super) fn finish(row: &Row<'_>, mut draft: Draft) -> Result<Vec<Draft>, String> {
    let is_true =
        |column: &str| Ok::<_, String>(row.text(column)?.is_some_and(|text| text.eq_ignore_ascii_case("true")));
    if is_true("cancelled")? {
        draft.set("finishReason", "\"client_error\"");
    } else if draft.get("finishReason") == Some("\"error\"") {
        draft.set("hasError", "true");
    }
    let billed = draft.cost().unwrap_or_default();
    let mut own = amount(row, "byok_usage_inference")?;
    if is_true("is_byok")? {
        own = amount(row, "upstream_inference_cost")?;
    }
    let by_own_key = |mut draft: Draft, cost: PicoUsd| {
        draft.set("usedMode", "\"api-keys\"");
        if cost != PicoUsd::ZERO || draft.has("cost") {
            draft.set("cost", cost.to_string());
        }
        draft
    };
    let both = PicoUsd(billed.0 + own.0);
    if own == PicoUsd::ZERO {
        return Ok(vec![if is_true("is_byok")? { by_own_key(draft, both) } else { draft }]);
    }
    let requests = if draft.has("count") { draft.whole("count") } else { 1 };
    // Rows of older activity do not say how many of the requests went by own keys. Where the fee is all that was billed
    // (it is 5 %), all did; else it is known that some did and some did not.
    let by_keys = match row.text("byok_requests")? {
        Some(text) => text.parse().map_err(|_| format!("column byok_requests: '{text}' is no whole number"))?,
        None if requests <= 1 || billed.0 * 18 <= own.0 => requests,
        None => 1,
    };
    if by_keys >= requests {
        return Ok(vec![by_own_key(draft, both)]);
    }
    // A day of both: what each cost is known, the tokens are not told apart and stay with what was billed.
    let mut keys = draft.clone();
    for field in ["promptTokens", "completionTokens", "cachedTokens", "reasoningTokens"] {
        keys.remove(field);
    }
    keys.set("count", by_keys.max(1).to_string());
    draft.set("count", (requests - by_keys.max(1)).to_string());
    Ok(vec![draft, by_own_key(keys, own)])
}
