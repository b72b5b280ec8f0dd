//! Rows of gateways' own databases, as what the same gateways post: so a call means the same, and is the same, whichever way
//! it comes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::json::present;
use super::row::{Draft, quoted};
use super::{BodyError, Context, Reading, litellm, llmgateway};
use crate::calendar::rfc3339_utc;
use crate::model::UnixMs;

/// A gateway that keeps calls in a table of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gateway {
    Litellm,
    Llmgateway,
}

/// A row of LiteLLM's table of calls that says how a batch went has the batch's id and this.
const OF_A_BATCH: &str = "_batch_cost";

/// What the metadata of a row have and a payload has at its top.
const LITELLM_TOP: [&str; 3] = ["cost_breakdown", "model_map_information", "error_information"];
/// Columns of LiteLLM's table, and what a payload calls them.
const LITELLM: [(&str, &str); 12] = [
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
    ("user_agent", "user_agent"),
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

/// Columns of LiteLLM's table as files have them: what an event has a field for by that, others by their own names.
pub(super) const LITELLM_FILE: &[(&str, &str)] = &[
    ("id", "request_id"),
    ("timestamp", "startTime"),
    ("organizationId", "organization_id"),
    ("projectId", "team_id"),
    ("apiKeyId", "api_key"),
    ("usedModel", "model"),
    ("usedProvider", "custom_llm_provider"),
    ("promptTokens", "prompt_tokens"),
    ("completionTokens", "completion_tokens"),
    ("totalTokens", "total_tokens"),
    ("cost", "spend"),
    ("cached", "cache_hit"),
    ("callId", "litellm_call_id"),
    ("call_type", "call_type"),
    ("status", "status"),
    ("model_group", "model_group"),
    ("user", "user"),
    ("user_email", "user_email"),
    ("request_tags", "request_tags"),
    ("metadata", "metadata"),
];

/// What LLM Gateway's data stream has, by what an event calls it if it has that, and the columns of its table. Of several
/// for one, the first that has a value.
pub(super) const LLMGATEWAY: &[(&str, &str)] = &[
    ("id", "id"),
    ("timestamp", "created_at"),
    ("organizationId", "organization_id"),
    ("projectId", "project_id"),
    ("apiKeyId", "api_key_id"),
    ("usedModel", "used_model"),
    ("usedProvider", "used_provider"),
    ("requestedModel", "requested_model"),
    ("requestedProvider", "requested_provider"),
    ("source", "source"),
    ("promptTokens", "prompt_tokens"),
    ("completionTokens", "completion_tokens"),
    ("cachedTokens", "cached_tokens"),
    ("cacheWriteTokens", "cache_write_tokens"),
    ("cacheWrite1hTokens", "cache_write1h_tokens"),
    ("cacheWrite1hTokens", "cache_write_1h_tokens"),
    ("reasoningTokens", "reasoning_tokens"),
    ("audioInputTokens", "audio_input_tokens"),
    ("audioOutputTokens", "audio_output_tokens"),
    ("totalTokens", "total_tokens"),
    ("serviceTier", "used_service_tier"),
    ("serviceTier", "service_tier"),
    ("cost", "cost"),
    ("hasError", "has_error"),
    ("finishReason", "unified_finish_reason"),
    ("cached", "cached"),
    ("usedMode", "used_mode"),
];

type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

impl Gateway {
    pub fn name(self) -> &'static str {
        match self {
            Gateway::Litellm => "litellm",
            Gateway::Llmgateway => "llmgateway",
        }
    }

    /// Where it posts what it tells.
    pub fn endpoint(self) -> String {
        format!("/v1/ingest/{}", self.name())
    }

    /// What it would have posted of a row of its database, an object of its columns. Of LiteLLM's `start` is the start in
    /// seconds since 1970; of LLM Gateway's `timestamp` is when it was written, as text with an offset.
    pub fn record(self, row: &str) -> Result<String, serde_json::Error> {
        let record = match self {
            Gateway::Litellm => litellm_payload(row)?,
            Gateway::Llmgateway => llmgateway_event(row)?,
        };
        Ok(record.json())
    }

    /// What it would have posted of a row of a file. `tagged` is whether the app is of a column that was named by hand, and
    /// goes before what the row says of it elsewhere.
    pub(super) fn record_of(self, row: &Draft, tagged: bool) -> Result<Draft, String> {
        let mut record = Draft::default();
        let start = |json: &str| json.parse::<UnixMs>().expect("times are read as milliseconds");
        for (field, json) in row.fields() {
            let (columns, json) = match (self, field) {
                (Gateway::Litellm, "timestamp") => {
                    let at = start(json);
                    record.set("start", format!("{}.{:03}", at.div_euclid(1000), at.rem_euclid(1000)));
                    continue;
                }
                (Gateway::Litellm, "source") if tagged => {
                    let app: String = serde_json::from_str(json).map_err(|error| error.to_string())?;
                    record.set("request_tags", format!("[{}]", quoted(&format!("app:{app}"))));
                    continue;
                }
                (Gateway::Litellm, "source") => {
                    record.set("user_agent", json);
                    continue;
                }
                (Gateway::Llmgateway, "timestamp") => {
                    let at = start(json);
                    let second = rfc3339_utc(at);
                    (LLMGATEWAY, format!("\"{}.{:03}Z\"", second.trim_end_matches('Z'), at.rem_euclid(1000)))
                }
                (Gateway::Litellm, _) => (LITELLM_FILE, json.to_owned()),
                (Gateway::Llmgateway, _) => (LLMGATEWAY, json.to_owned()),
            };
            let Some((known, column)) = columns.iter().find(|(known, _)| *known == field) else {
                return Err(format!("{field}: rows of {} have none, and take none from elsewhere", self.name()));
            };
            match self {
                Gateway::Litellm => record.set(column, json),
                Gateway::Llmgateway => record.set(in_stream(known), json),
            }
        }
        match self {
            Gateway::Litellm => litellm_payload(&record.json()).map_err(|error| error.to_string()),
            Gateway::Llmgateway => Ok(record),
        }
    }

    /// Records as a body that it would have posted.
    pub fn body<'a>(self, records: impl Iterator<Item = &'a str>) -> String {
        let records = records.collect::<Vec<_>>().join(",");
        match self {
            Gateway::Litellm => format!("[{records}]"),
            Gateway::Llmgateway => format!("{{\"events\":[{records}]}}"),
        }
    }

    pub fn parse(self, body: &[u8], context: &Context<'_>) -> Result<Reading, BodyError> {
        match self {
            Gateway::Litellm => litellm::parse(body, &litellm::PROJECT, context),
            Gateway::Llmgateway => llmgateway::parse(body, context),
        }
    }
}

/// What LLM Gateway's data stream calls a field.
fn in_stream(field: &'static str) -> &'static str {
    if field == "finishReason" { "unifiedFinishReason" } else { field }
}

fn litellm_payload(row: &str) -> Result<Draft, serde_json::Error> {
    let columns = fields(row)?;
    // Of old versions, and in files, they may be texts.
    let unquoted = |name: &str| columns.get(name).and_then(|value| serde_json::from_str::<String>(value.get()).ok());
    let (metadata_text, tags_text) = (unquoted("metadata"), unquoted("request_tags"));
    let metadata = columns.get("metadata").map_or("null", |metadata| metadata.get());
    let metadata = fields(metadata_text.as_deref().unwrap_or(metadata)).unwrap_or_default();
    let own = |name: &str| columns.get(name).copied().filter(|value| says(value));
    let told = |name: &str| metadata.get(name).copied().filter(|value| says(value));

    let mut whose = Draft::default();
    for (name, column) in LITELLM_WHOSE {
        whose.put(name, own(column).or(told(name)).map(RawValue::get));
    }
    // As older versions have it.
    if told("usage_object").is_none() {
        whose.put("usage_object", told("additional_usage_values").map(RawValue::get));
    }
    let mut payload = Draft::default();
    let id: Option<String> = own("request_id").map(|id| serde_json::from_str(id.get())).transpose()?;
    payload.put("id", id.map(|id| quoted(id.strip_suffix(OF_A_BATCH).unwrap_or(&id))).as_deref());
    payload.put("litellm_call_id", own("litellm_call_id").or(told("litellm_call_id")).map(RawValue::get));
    // Only failures were told apart at first.
    payload.put("status", Some(own("status").or(told("status")).map_or("\"success\"", RawValue::get)));
    let tags = tags_text.as_deref().and_then(|tags| serde_json::from_str::<&RawValue>(tags).ok());
    for (column, name) in LITELLM {
        payload.put(
            name,
            own(column).map(|value| if column == "request_tags" { tags.unwrap_or(value) } else { value }.get()),
        );
    }
    for name in LITELLM_TOP {
        payload.put(name, told(name).map(RawValue::get));
    }
    let mut hidden = Draft::default();
    hidden.put("batch_models", told("batch_models").map(RawValue::get));
    payload.put("hidden_params", Some(&hidden.json()));
    payload.put("metadata", Some(&whose.json()));
    Ok(payload)
}

fn llmgateway_event(row: &str) -> Result<Draft, serde_json::Error> {
    let columns = fields(row)?;
    let mut event = Draft::default();
    for (field, column) in LLMGATEWAY {
        let column = if *field == "timestamp" { field } else { column };
        let value = columns.get(*column).copied().filter(|value| says(value));
        if !event.has(in_stream(field)) {
            event.put(in_stream(field), value.map(RawValue::get));
        }
    }
    Ok(event)
}

fn fields(object: &str) -> Result<Fields<'_>, serde_json::Error> {
    serde_json::from_str(object)
}

/// Whether a value is there; both write an empty text where there is none.
fn says(value: &RawValue) -> bool {
    present(Some(value)).is_some_and(|value| value.get() != "\"\"")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::TokenDefaults;
    use super::super::mapping::{CsvRows, JsonRows, Made, Mapping};
    use super::*;
    use crate::model::{Count, Mode};
    use crate::pricing::PriceBook;

    const NOW: i64 = 1_780_315_200_000; // 2026-06-01T12:00:00Z

    fn read(parse: impl FnOnce(&Context<'_>) -> Reading) -> Reading {
        let prices = PriceBook::bundled();
        let token = TokenDefaults {
            organization_id: Some("acme"),
            project_id: Some("default"),
            api_key_id: Some("token"),
            ..TokenDefaults::default()
        };
        let reading = parse(&Context { now: NOW, prices: &prices, token, kept_since: &crate::ingest::for_ever });
        assert_eq!(reading.parsed.rejected, []);
        reading
    }

    fn by_litellm(post: &str) -> Reading {
        read(|context| Gateway::Litellm.parse(post.as_bytes(), context).unwrap())
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
        let posted = by_litellm(&post.to_string());
        for read in by_files(Gateway::Litellm, row.clone(), ["start", "startTime"], "2026-06-01 07:46:40.25") {
            check_alike(&read, &posted);
        }
        // As SQL gives it: the start is a number.
        let row = row.to_string().replace("\"start\":\"1780300000.250000\"", "\"start\":1780300000.250000");
        check_alike(&by_litellm(&Gateway::Litellm.record(&row).unwrap()), &posted);
    }

    #[track_caller]
    fn check_alike(read: &Reading, posted: &Reading) {
        assert_eq!(read.parsed.batch.events, posted.parsed.batch.events);
        assert_eq!(read.parsed.batch.combinations, posted.parsed.batch.combinations);
        assert_eq!(read.ignored, posted.ignored);
        assert_eq!(format!("{:?}", read.names), format!("{:?}", posted.names));
    }

    /// A row of a database as files have it, in CSV and in JSON. `start` is what it calls its start, and what files do.
    fn by_files(gateway: Gateway, mut row: Value, start: [&str; 2], at: &str) -> [Reading; 2] {
        let columns = row.as_object_mut().unwrap();
        columns.remove(start[0]);
        columns.insert(start[1].to_owned(), at.into());
        let cell = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(columns.keys()).unwrap();
        table.write_record(columns.values().map(cell)).unwrap();
        let row = format!("{row:#}");
        let json = Mapping::default().recognized_in(&row).unwrap();
        [
            CsvRows::open(&*table.into_inner().unwrap(), Mapping::default()).unwrap().next_rows(usize::MAX),
            JsonRows::new(json).rewrite(format!("[{row}]").as_bytes(), true).unwrap(),
        ]
        .map(|made| by_made(gateway, &made))
    }

    fn by_made(gateway: Gateway, made: &Made) -> Reading {
        assert_eq!(made.refused, []);
        let lines = std::str::from_utf8(&made.lines).unwrap();
        assert_eq!(lines.lines().count(), made.numbers.len());
        read(|context| gateway.parse(gateway.body(lines.lines()).as_bytes(), context).unwrap())
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
        check_same(&post, &with(row.clone(), &older));

        let mut oldest = row;
        oldest["metadata"]["additional_usage_values"] = oldest["metadata"]["usage_object"].take();
        check_same(&post, &oldest);
    }

    #[test]
    fn what_a_row_has_in_its_metadata_decides_of_its_price() {
        let (mut post, mut row) = post_and_row();
        for (of, map) in [(&mut post, ""), (&mut row, "/metadata")] {
            of["model"] = "gpt-5".into();
            *of.pointer_mut(&format!("{map}/model_map_information/model_map_key")).unwrap() = "gpt-5".into();
        }
        let check = |usage: Value, costs: Value, cost: Value, expected: &str, mode: Mode| {
            let mut post = with(post.clone(), &[("response_cost", cost.clone()), ("cost_breakdown", costs.clone())]);
            post["metadata"]["usage_object"] = usage.clone();
            let mut row = with(row.clone(), &[("spend", cost)]);
            (row["metadata"]["usage_object"], row["metadata"]["cost_breakdown"]) = (usage, costs);
            check_same(&post, &row);
            let batch = by_litellm(&post.to_string()).parsed.batch;
            let measures = &batch.events[0].measures;
            let cost = if expected == "unpriced" { "0" } else { expected };
            assert_eq!((&*measures.cost.to_string(), batch.combinations[0].mode), (cost, mode));
            // A tier that the list has no price of has none.
            assert_eq!(measures.get(Count::Unpriced), u64::from(expected == "unpriced"));
        };
        let own = json!({"is_byok": true, "cost_details": {"upstream_inference_cost": 0.0417}});
        check(own, json!(null), json!(0.002), "0.0437", Mode::ApiKeys);
        let free = json!({"input_cost": 0, "output_cost": 0.0, "total_cost": 0});
        check(json!({}), free, json!(0.0), "0", Mode::Credits);
        // 500 at 1.25 and 20 at 10 USD a million.
        check(json!({}), json!(null), json!(0.0), "0.000825", Mode::Credits);
        check(json!({}), json!(null), json!(-0.25), "0.000825", Mode::Credits);
        check(json!({"service_tier": "flex"}), json!(null), json!(0), "unpriced", Mode::Credits);
    }

    #[test]
    fn rows_of_spend_that_are_no_call_are_no_request() {
        let header = "request_id,call_type,api_key,spend,total_tokens,prompt_tokens,completion_tokens,startTime,endTime,\
                      model,model_id,model_group,custom_llm_provider,user,metadata,cache_hit,team_id,status\n";
        let row = |id: &str, kind: &str, figures: &str, names: &str, metadata: &str, status: &str| {
            let times = "2026-06-01 10:00:00,2026-06-01 10:00:01";
            let metadata = metadata.replace('"', "\"\"");
            format!("{id},{kind},k,{figures},{times},{names},u,\"{metadata}\",,web,{status}\n")
        };
        let openai = "gpt-4o-mini,,small,openai";
        let refused = r#"{"error_information":{"error_code":"401"}}"#;
        let busy = r#"{"error_information":{"error_code":"429","llm_provider":"openai"}}"#;
        let rows = [
            row("r1", "acompletion", "0.00075,150,100,50", openai, "{}", "success"),
            row("r2", "afile_content", "0,0,0,0", ",,,openai", "{}", "success"),
            row("r3", "call_mcp_tool", "0.01,0,0,0", "openai/MCP: add,,,", "{}", "success"),
            row("r4", "alist_batches", "0,0,0,0", ",,,", "{}", "success"),
            row("r5", "aretrieve_batch", "0,0,0,0", ",,,openai", "{}", "success"),
            row("r6", "aretrieve_batch", "0,30,20,10", "gpt-5,,small,openai", "{}", "success"),
            row("r7", "aresponses", "0,0,0,0", openai, "{}", "success"),
            row("r8", "aget_responses", "0,0,0,0", openai, "{}", "success"),
            row("r9", "acompletion", "0,0,0,0", ",,,", refused, "failure"),
            row("r10", "acompletion", "0,0,0,0", ",,small,openai", busy, "failure"),
        ];
        let table = format!("{header}{}", rows.concat());
        let made = CsvRows::open(table.as_bytes(), Mapping::default()).unwrap().next_rows(usize::MAX);
        let reading = by_made(Gateway::Litellm, &made);
        assert_eq!(reading.ignored, 4);
        let batch = reading.parsed.batch;
        let counts = [Count::Requests, Count::Errors, Count::ClientErrors, Count::TotalTokens, Count::Unpriced];
        let sums = batch.events.iter().map(|event| {
            let names = &batch.combinations[event.combination as usize];
            let measures = event.measures;
            (&*names.model, &*names.provider, counts.map(|count| measures.get(count)), measures.cost.to_string())
        });
        let expected = [
            ("gpt-4o-mini", "openai", [1, 0, 0, 150, 0], "0.00075"),
            ("tool calls", "unknown", [0, 0, 0, 0, 0], "0.01"),
            ("gpt-5", "openai", [1, 0, 0, 30, 1], "0"),
            ("gpt-4o-mini", "openai", [1, 0, 0, 0, 1], "0"),
            ("unknown", "unknown", [1, 0, 1, 0, 0], "0"),
            ("small", "openai", [1, 1, 0, 0, 0], "0"),
        ];
        assert_eq!(sums.collect::<Vec<_>>(), expected.map(|(m, p, sums, cost)| (m, p, sums, cost.to_owned())));
    }

    #[test]
    fn what_is_said_of_a_file_of_rows_goes_before_or_behind_what_rows_say() {
        let row = "request_id,startTime,spend,model,prompt_tokens,completion_tokens,metadata,cost_center\n\
                   a,2026-06-01 10:00:00,0.5,gpt-4o,7,3,\"{\"\"user_agent\"\":\"\"curl/8\"\"}\",shop\n";
        let read = |mapping: Mapping| {
            let made = CsvRows::open(row.as_bytes(), mapping).unwrap().next_rows(usize::MAX);
            let errors: Vec<&str> = made.refused.iter().map(|refused| refused.error.as_str()).collect();
            if !errors.is_empty() {
                return errors.concat();
            }
            let names = by_made(Gateway::Litellm, &made).parsed.batch.combinations.remove(0);
            [&*names.project, &names.provider, names.source.as_deref().unwrap_or_default()].join(" ")
        };
        let mapping = || Mapping::of_format(super::super::formats::Format::named("litellm-spend-logs").unwrap());
        let mut set = mapping();
        for (field, value) in [("projectId", "web"), ("usedProvider", "azure"), ("source", "cron")] {
            set.set(field, value).unwrap();
        }
        assert_eq!(read(mapping()), "default unknown curl/8");
        assert_eq!(read(set.clone()), "web azure curl/8");
        set.map("source", "cost_center").unwrap();
        assert_eq!(read(set.clone()), "web azure shop");
        set.set("usedMode", "api-keys").unwrap();
        assert_eq!(read(set), "usedMode: rows of litellm have none, and take none from elsewhere");
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
        let (posted, read) =
            (by_stream(&event.to_string()), by_stream(&Gateway::Llmgateway.record(&row.to_string()).unwrap()));
        assert_eq!(read.parsed.batch.events, posted.parsed.batch.events);
        assert_eq!(read.parsed.batch.combinations, posted.parsed.batch.combinations);
        assert_eq!(read.parsed.batch.events[0].measures.get(Count::CacheWriteTokens), 5);
        let at = "2026-06-01 10:00:00.25";
        for read in by_files(Gateway::Llmgateway, row.clone(), ["timestamp", "created_at"], at) {
            check_alike(&read, &posted);
        }

        // What came is priced by its tier, its cache writes for an hour and its audio, and what is below 0 by the list.
        let tiers = [("used_service_tier", "serviceTier"), ("audio_input_tokens", "audioInputTokens")];
        for ((column, field), value) in tiers.into_iter().zip([json!("flex"), json!("30")]) {
            let event = with(event.clone(), &[(field, value.clone()), ("cost", json!(-1))]);
            let row = with(row.clone(), &[(column, value), ("cost", json!(-1))]);
            for read in by_files(Gateway::Llmgateway, row, ["timestamp", "created_at"], at) {
                check_alike(&read, &by_stream(&event.to_string()));
            }
        }
    }
}
