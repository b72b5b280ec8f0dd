//! Observations of Langfuse, as its exports to blob storage and its API have them.
//!
//! What is counted there is in a map from kinds of tokens to numbers. Langfuse takes the kinds for exclusive, and adds up
//! all that have `input` or `output` in their names: `input` is less what came from a cache, and so is this not.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::json::object;
use super::mapping::{translate, unquoted};
use super::number::parse_whole;

/// The columns that events take their fields from: of a blob storage's export first, then of the API.
pub(super) const COLUMNS: &[(&str, &str)] = &[
    ("id", "id"),
    ("timestamp", "start_time"),
    ("timestamp", "startTime"),
    ("projectId", "project_id"),
    ("projectId", "projectId"),
    ("usedModel", "provided_model_name"),
    ("usedModel", "providedModelName"),
    ("usedModel", "model"),
    ("cost", "total_cost"),
    ("cost", "totalCost"),
    ("cost", "calculatedTotalCost"),
    ("hasError", "level"),
];
const USAGE: [&str; 2] = ["usage_details", "usageDetails"];
/// Observations that are calls of a model; others are steps around them.
const CALLS: [&str; 2] = ["GENERATION", "EMBEDDING"];

type Fields<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

/// Whether an observation is a call of a model.
pub(super) fn is_call(fields: &Fields<'_>) -> bool {
    let kind = fields.get("type").and_then(|kind| unquoted(kind.get()));
    kind.is_none_or(|kind| CALLS.contains(&&*kind))
}

/// The counts of tokens in a row, by an event's names for them.
pub(super) fn tokens(fields: &Fields<'_>) -> Vec<(&'static str, String)> {
    let text = USAGE.iter().find_map(|column| unquoted(fields.get(*column)?.get()));
    let Some(usage) = text.as_deref().and_then(|text| object::<Fields<'_>>(text).ok()) else { return Vec::new() };
    let mut counts: Vec<(&'static str, u64)> = Vec::new();
    let mut add = |field: &'static str, tokens: u64| match counts.iter_mut().find(|(known, _)| *known == field) {
        Some((_, sum)) => *sum = sum.saturating_add(tokens),
        None => counts.push((field, tokens)),
    };
    let whole = |value: &RawValue| translate("promptTokens", value.get()).as_deref().and_then(parse_whole);
    for (kind, value) in &usage {
        let Some(tokens) = whole(value) else { continue };
        if kind.contains("input") {
            add("promptTokens", tokens);
            if kind.contains("cache_creation") || kind.contains("cache_write") {
                add("cacheWriteTokens", tokens);
            } else if kind.contains("cache") {
                add("cachedTokens", tokens);
            }
        } else if kind.contains("output") {
            add("completionTokens", tokens);
            if kind.contains("reasoning") {
                add("reasoningTokens", tokens);
            }
        }
    }
    if counts.is_empty() {
        let total = usage.get("total").and_then(|total| whole(total));
        counts.extend(total.map(|tokens| ("totalTokens", tokens)));
    }
    counts.into_iter().map(|(field, tokens)| (field, tokens.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::mapping::{Mapping, Rows};
    use super::*;

    /// An observation of a type, by a user, with these `usage_details`.
    fn observation(kind: &str, user: &str, usage: &str) -> String {
        let fields = [
            format!(r#""id":"o1","type":"{kind}","start_time":"2026-06-01 10:00:00.123000","project_id":"p""#),
            format!(r#""total_cost":0.1,"level":"ERROR","provided_model_name":"gpt-4o","user_id":"{user}""#),
            format!(r#""usage_details":{usage}"#),
        ];
        format!("{{{}}}", fields.join(","))
    }

    #[track_caller]
    fn check(row: &str, expected: &str) {
        let mut mapping = Mapping::of_format("langfuse").unwrap();
        mapping.map("apiKeyId", "user_id").unwrap();
        mapping.set("apiKeyId", "all").unwrap();
        let event = mapping.rewrite(row.as_bytes(), false, &mut Rows::default()).unwrap();
        let common = r#"{"id":"o1","timestamp":"2026-06-01T10:00:00.123000Z","projectId":"p","usedModel":"gpt-4o","#;
        let expected = format!("{common}\"cost\":0.1,\"hasError\":true,{expected}}}\n");
        assert_eq!(String::from_utf8(event).unwrap(), expected);
    }

    #[test]
    fn calls_become_events() {
        for (usage, tokens) in [
            (r#"{"input":5}"#, r#""promptTokens":5"#),
            (r#""{\"output\":\"7\",\"total\":7}""#, r#""completionTokens":7"#),
            (r#"{"input_cached_tokens":3}"#, r#""promptTokens":3,"cachedTokens":3"#),
            (r#"{"cache_creation_input_tokens":2}"#, r#""promptTokens":2,"cacheWriteTokens":2"#),
            (r#"{"output_reasoning_tokens":4}"#, r#""completionTokens":4,"reasoningTokens":4"#),
            (r#"{"total":9,"search_units":1}"#, r#""totalTokens":9"#),
        ] {
            check(&observation("GENERATION", "ada", usage), &format!(r#""apiKeyId":"ada",{tokens}"#));
        }
        check(&observation("EMBEDDING", "", r#"{"input":5}"#), r#""promptTokens":5,"apiKeyId":"all""#);
    }

    #[test]
    fn tokens_add_up_by_input_and_output() {
        let usage = r#"{"usageDetails":{"input":100,"input_cached_tokens":30,"input_cache_creation":7,"output":20,
            "output_reasoning_tokens":5,"total":162,"search_units":9,"input_audio_tokens":1}}"#;
        let mut tokens = tokens(&object(usage).unwrap());
        tokens.sort();
        let expected = [
            ("cacheWriteTokens", "7"),
            ("cachedTokens", "30"),
            ("completionTokens", "25"),
            ("promptTokens", "138"),
            ("reasoningTokens", "5"),
        ];
        assert_eq!(tokens, expected.map(|(field, count)| (field, count.to_owned())));
    }

    #[test]
    fn steps_around_calls_are_skipped_and_counted() {
        let kinds = ["GENERATION", "SPAN", "EVENT", "AGENT", "EMBEDDING"];
        let rows = kinds.map(|kind| observation(kind, "ada", "{}")).join("\n");
        let mut so_far = Rows::default();
        let events = Mapping::of_format("langfuse").unwrap().rewrite(rows.as_bytes(), false, &mut so_far).unwrap();
        assert_eq!((so_far.read, so_far.skipped, events.iter().filter(|byte| **byte == b'\n').count()), (5, 3, 2));
    }
}
