//! Rows of gateways' own databases, as what the same gateways post: so a call means the same, and is the same, whichever way
//! it comes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::json::present;

/// A row of LiteLLM's table of calls that says how a batch went has the batch's id and this.
const OF_A_BATCH: &str = "_batch_cost";

/// What the metadata of a row have and a payload has at its top.
const LITELLM_TOP: [&str; 3] = ["cost_breakdown", "model_map_information", "error_information"];
/// Columns of LiteLLM's table, and what a payload calls them.
const LITELLM: [(&str, &str); 11] = [
    ("call_type", "call_type"),
    ("model", "model"),
    ("model_group", "model_group"),
    ("custom_llm_provider", "custom_llm_provider"),
    ("prompt_tokens", "prompt_tokens"),
    ("completion_tokens", "completion_tokens"),
    ("total_tokens", "total_tokens"),
    ("spend", "response_cost"),
    ("cache_hit", "cache_hit"),
    ("request_tags", "request_tags"),
    ("start", "startTime"),
];
/// Whose a call is: what a payload's metadata call it, and the column to be asked before the row's metadata.
const LITELLM_WHOSE: [(&str, &str); 12] = [
    ("user_api_key_hash", "api_key"),
    ("user_api_key_alias", ""),
    ("user_api_key_org_id", "organization_id"),
    ("user_api_key_org_alias", ""),
    ("user_api_key_project_id", ""),
    ("user_api_key_project_alias", ""),
    ("user_api_key_team_id", "team_id"),
    ("user_api_key_team_alias", ""),
    ("user_api_key_user_id", "user"),
    ("user_api_key_user_email", "user_email"),
    ("user_agent", ""),
    ("usage_object", ""),
];

/// Columns of LLM Gateway's table, and what its data stream calls them.
const LLMGATEWAY: [(&str, &str); 25] = [
    ("id", "id"),
    ("timestamp", "timestamp"),
    ("organization_id", "organizationId"),
    ("project_id", "projectId"),
    ("api_key_id", "apiKeyId"),
    ("used_model", "usedModel"),
    ("used_provider", "usedProvider"),
    ("requested_model", "requestedModel"),
    ("requested_provider", "requestedProvider"),
    ("source", "source"),
    ("prompt_tokens", "promptTokens"),
    ("completion_tokens", "completionTokens"),
    ("cached_tokens", "cachedTokens"),
    ("cache_write_tokens", "cacheWriteTokens"),
    ("cache_write1h_tokens", "cacheWrite1hTokens"),
    ("reasoning_tokens", "reasoningTokens"),
    ("audio_input_tokens", "audioInputTokens"),
    ("audio_output_tokens", "audioOutputTokens"),
    ("total_tokens", "totalTokens"),
    ("used_service_tier", "serviceTier"),
    ("cost", "cost"),
    ("has_error", "hasError"),
    ("unified_finish_reason", "unifiedFinishReason"),
    ("cached", "cached"),
    ("used_mode", "usedMode"),
];

type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// A row of `LiteLLM_SpendLogs`, an object of its columns, as the payload that its callback posts. `start` is the start in
/// seconds since 1970.
pub fn litellm_payload(row: &str) -> Result<String, serde_json::Error> {
    let columns = fields(row)?;
    // Of old versions it may be a text.
    let text = columns.get("metadata").and_then(|metadata| serde_json::from_str::<String>(metadata.get()).ok());
    let metadata = columns.get("metadata").map_or("null", |metadata| metadata.get());
    let metadata = fields(text.as_deref().unwrap_or(metadata)).unwrap_or_default();
    let own = |name: &str| columns.get(name).copied().filter(|value| says(value));
    let told = |name: &str| metadata.get(name).copied().filter(|value| says(value));

    let mut whose = Object::default();
    for (name, column) in LITELLM_WHOSE {
        whose.put(name, own(column).or(told(name)).map(RawValue::get));
    }
    let mut payload = Object::default();
    let id: Option<String> = own("request_id").map(|id| serde_json::from_str(id.get())).transpose()?;
    let id = id.map(|id| serde_json::to_string(id.strip_suffix(OF_A_BATCH).unwrap_or(&id))).transpose()?;
    payload.put("id", id.as_deref());
    payload.put("litellm_call_id", own("litellm_call_id").or(told("litellm_call_id")).map(RawValue::get));
    // Only failures were told apart at first.
    let status = own("status").or(told("status")).map_or("\"success\"", RawValue::get);
    payload.put("status", Some(status));
    for (column, name) in LITELLM {
        payload.put(name, own(column).map(RawValue::get));
    }
    for name in LITELLM_TOP {
        payload.put(name, told(name).map(RawValue::get));
    }
    let mut hidden = Object::default();
    hidden.put("batch_models", told("batch_models").map(RawValue::get));
    payload.put("hidden_params", Some(&hidden.text()));
    payload.put("metadata", Some(&whose.text()));
    Ok(payload.text())
}

/// A row of LLM Gateway's table `log`, an object of its columns, as the event of its data stream. `timestamp` is when it
/// was written, as text with an offset.
pub fn llmgateway_event(row: &str) -> Result<String, serde_json::Error> {
    let columns = fields(row)?;
    let mut event = Object::default();
    for (column, name) in LLMGATEWAY {
        event.put(name, columns.get(column).copied().filter(|value| says(value)).map(RawValue::get));
    }
    Ok(event.text())
}

fn fields(object: &str) -> Result<Fields<'_>, serde_json::Error> {
    serde_json::from_str(object)
}

/// Whether a value is there; both write an empty text where there is none.
fn says(value: &RawValue) -> bool {
    present(Some(value)).is_some_and(|value| value.get() != "\"\"")
}

/// An object of JSON that is being written.
#[derive(Default)]
struct Object(String);

impl Object {
    /// Adds a field, if it has a value. Names are constants without anything to escape.
    fn put(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            let begin = if self.0.is_empty() { '{' } else { ',' };
            self.0.extend([&*begin.to_string(), "\"", name, "\":", value]);
        }
    }

    fn text(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::litellm::{self, PROJECT};
    use super::super::{Context, Reading, TokenDefaults, llmgateway};
    use super::*;
    use crate::model::Count;
    use crate::pricing::PriceBook;

    const NOW: i64 = 1_780_315_200_000; // 2026-06-01T12:00:00Z

    fn read(parse: impl FnOnce(&Context<'_>) -> Reading) -> Reading {
        let prices = PriceBook::bundled();
        let token =
            TokenDefaults { project_id: Some("default"), api_key_id: Some("token"), ..TokenDefaults::default() };
        let reading = parse(&Context { now: NOW, prices: &prices, token, kept_since: &crate::ingest::for_ever });
        assert_eq!(reading.parsed.rejected, []);
        reading
    }

    fn by_litellm(post: &str) -> Reading {
        read(|context| litellm::parse(post.as_bytes(), &PROJECT, context).unwrap())
    }

    /// What a call's post says, and the row that LiteLLM 1.106 writes of it.
    fn post_and_row() -> (Value, Value) {
        let usage = json!({"prompt_tokens_details": {"cached_tokens": 100}, "completion_tokens_details": {"reasoning_tokens": 7}});
        let map = json!({"model_map_key": "gpt-4o-mini", "model_map_value": {"litellm_provider": "openai"}});
        let costs = json!({"input_cost": 7.5e-5, "output_cost": 1.2e-5, "total_cost": 8.7e-5});
        let post = json!({
            "id": "chatcmpl-1", "litellm_call_id": "call-1", "call_type": "acompletion", "status": "success",
            "startTime": 1_780_300_000.250_123, "model": "gpt-4o-mini", "model_group": "small",
            "custom_llm_provider": "openai", "prompt_tokens": 500, "completion_tokens": 20, "total_tokens": 520,
            "response_cost": 8.7e-5, "cache_hit": null, "request_tags": ["app:shop"], "model_map_information": map,
            "cost_breakdown": costs,
            "metadata": {
                "user_api_key_hash": "9add", "user_api_key_alias": "alice-web", "user_api_key_org_id": "acme",
                "user_api_key_team_id": "t-search", "user_api_key_team_alias": "Search",
                "user_api_key_user_id": "u-alice", "user_api_key_user_email": "alice@example.test",
                "user_agent": "OpenAI/Python 2.54.0", "usage_object": usage,
            },
        });
        let row = json!({
            "request_id": "chatcmpl-1", "call_type": "acompletion", "api_key": "9add", "spend": 8.7e-5,
            "total_tokens": 520, "prompt_tokens": 500, "completion_tokens": 20, "start": "1780300000.250000",
            "model": "gpt-4o-mini", "model_group": "small", "custom_llm_provider": "openai", "user": "u-alice",
            "user_email": "alice@example.test", "cache_hit": "None", "request_tags": ["app:shop"],
            "team_id": "t-search", "organization_id": "acme", "status": "success", "litellm_call_id": "call-1",
            "metadata": {
                "user_api_key_alias": "alice-web", "user_api_key_team_alias": "Search", "status": "success",
                "user_agent": "OpenAI/Python 2.54.0", "usage_object": usage, "model_map_information": map,
                "cost_breakdown": costs, "error_information": null, "batch_models": null,
            },
        });
        (post, row)
    }

    fn with(mut value: Value, changes: &[(&str, Value)]) -> Value {
        changes.iter().for_each(|(field, to)| value[*field] = to.clone());
        value
    }

    #[track_caller]
    fn check_same(post: &Value, row: &Value) {
        // As SQL gives it: the start is a number.
        let row = row.to_string().replace("\"start\":\"1780300000.250000\"", "\"start\":1780300000.250000");
        let (posted, read) = (by_litellm(&post.to_string()), by_litellm(&litellm_payload(&row).unwrap()));
        assert_eq!(read.parsed.batch.events, posted.parsed.batch.events);
        assert_eq!(read.parsed.batch.combinations, posted.parsed.batch.combinations);
        assert_eq!(read.ignored, posted.ignored);
        assert_eq!(format!("{:?}", read.names), format!("{:?}", posted.names));
    }

    #[test]
    fn a_row_of_litellm_is_the_call_that_its_callback_posted() {
        let (post, row) = post_and_row();
        check_same(&post, &row);
        let event = by_litellm(&post.to_string()).parsed.batch.events[0];
        assert_eq!((event.time, event.measures.get(Count::CachedTokens)), (1_780_300_000_250, 100));

        let cached = [("cache_hit", json!(true)), ("response_cost", json!(0.0))];
        let hit = [("cache_hit", json!("True")), ("spend", json!(0.0))];
        check_same(&with(post.clone(), &cached), &with(row.clone(), &hit));

        let refused = json!({"error_code": "429", "error_class": "RateLimitError", "llm_provider": "openai"});
        let none = [("prompt_tokens", json!(0)), ("completion_tokens", json!(0)), ("total_tokens", json!(0))];
        let failed =
            [("status", json!("failure")), ("error_information", refused.clone()), ("response_cost", json!(0))];
        let mut metadata = row["metadata"].clone();
        metadata["error_information"] = refused;
        metadata["usage_object"] = json!(null);
        let mut failed = with(with(post.clone(), &failed), &none);
        failed["metadata"]["usage_object"] = json!(null);
        let of_it = [("status", json!("failure")), ("metadata", metadata), ("spend", json!(0))];
        check_same(&failed, &with(with(row.clone(), &of_it), &none));

        let batch = [("call_type", json!("aretrieve_batch")), ("id", json!("batch_7"))];
        let of_it = [("call_type", json!("aretrieve_batch")), ("request_id", json!("batch_7_batch_cost"))];
        check_same(&with(post.clone(), &batch), &with(row.clone(), &of_it));

        let polled = [("call_type", json!("alist_files")), ("response_cost", json!(0))];
        let of_it = [("call_type", json!("alist_files")), ("spend", json!(0))];
        check_same(&with(post, &polled), &with(row, &of_it));
    }

    #[test]
    fn rows_of_older_versions_say_less() {
        let (post, row) = post_and_row();
        // No status, no id of the call in a column, metadata as a text.
        let mut metadata = row["metadata"].clone();
        metadata["litellm_call_id"] = json!("call-1");
        metadata["status"] = json!(null);
        let older =
            [("status", json!(null)), ("litellm_call_id", json!(null)), ("metadata", json!(metadata.to_string()))];
        check_same(&post, &with(row, &older));
    }

    #[test]
    fn a_row_of_llm_gateway_is_the_event_of_its_data_stream() {
        let event = json!({
            "id": "log1", "type": "request_log", "timestamp": "2026-06-01T10:00:00.250Z", "organizationId": "acme",
            "projectId": "p1", "apiKeyId": "k1", "usedModel": "openai/gpt-4o", "usedProvider": "openai",
            "requestedModel": "gpt-4o", "source": "shop.example", "promptTokens": "500", "completionTokens": "20",
            "cachedTokens": "100", "cacheWrite1hTokens": "5", "reasoningTokens": "7", "totalTokens": "520", "cost": 0.0025,
            "hasError": false, "unifiedFinishReason": "completed", "cached": false, "usedMode": "api-keys",
        });
        let row = json!({
            "id": "log1", "timestamp": "2026-06-01T10:00:00.250Z", "organization_id": "acme", "project_id": "p1",
            "api_key_id": "k1", "used_model": "openai/gpt-4o", "used_provider": "openai", "requested_model": "gpt-4o",
            "source": "shop.example", "prompt_tokens": "500", "completion_tokens": "20", "cached_tokens": "100",
            "cache_write1h_tokens": "5", "reasoning_tokens": "7", "total_tokens": "520", "cost": 0.0025, "has_error": false,
            "unified_finish_reason": "completed", "cached": false, "used_mode": "api-keys", "audio_input_tokens": null,
        });
        let by_stream = |post: &str| read(|context| llmgateway::parse(post.as_bytes(), context).unwrap());
        let (posted, read) = (by_stream(&event.to_string()), by_stream(&llmgateway_event(&row.to_string()).unwrap()));
        assert_eq!(read.parsed.batch.events, posted.parsed.batch.events);
        assert_eq!(read.parsed.batch.combinations, posted.parsed.batch.combinations);
        assert_eq!(read.parsed.batch.events[0].measures.get(Count::CacheWriteTokens), 5);
    }
}
