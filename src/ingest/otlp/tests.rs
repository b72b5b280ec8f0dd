use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value::Value as Any,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::prelude::*;
use prost::Message;
use serde_json::{Value as Json, json};

use super::*;
use crate::ingest::{SentBy, TokenDefaults};
use crate::model::{Combination, Count, Event};
use crate::pricing::PriceBook;

const NOW: i64 = 1_780_315_200_000; // 2026-06-01T12:00:00Z
const START: u64 = 1_780_300_000_123_456_789;

fn with_context<T>(organization_id: Option<&str>, ask: impl FnOnce(&Context<'_>) -> T) -> T {
    let prices = PriceBook::bundled();
    let sender = SentBy { name: "exporter", version: Some("1.0") };
    let token = TokenDefaults { organization_id, project_id: Some("default"), api_key_id: Some("token"), sender };
    ask(&Context { now: NOW, prices: &prices, token, kept_since: &crate::ingest::for_ever })
}

fn traces(body: &[u8], encoding: Encoding) -> Result<Reading, BodyError> {
    with_context(Some("acme"), |context| parse_traces(body, encoding, &Options::default(), context))
}

/// Attributes from a JSON object.
fn attributes(of: &Json) -> Vec<KeyValue> {
    let value = |value: &Json| match value {
        Json::String(text) => Some(Any::StringValue(text.clone())),
        Json::Bool(flag) => Some(Any::BoolValue(*flag)),
        Json::Number(number) if number.is_i64() => Some(Any::IntValue(number.as_i64().unwrap())),
        Json::Number(number) => Some(Any::DoubleValue(number.as_f64().unwrap())),
        Json::Array(texts) => {
            let text = |text: &Json| Some(Any::StringValue(text.as_str().unwrap().to_owned()));
            let values = texts.iter().map(|one| AnyValue { value: text(one) }).collect();
            Some(Any::ArrayValue(ArrayValue { values }))
        }
        _ => None,
    };
    let pair = |(key, one): (&String, &Json)| KeyValue {
        key: key.clone(),
        value: Some(AnyValue { value: value(one) }),
        ..KeyValue::default()
    };
    of.as_object().unwrap().iter().map(pair).collect()
}

fn json_attributes(of: &Json) -> Json {
    let value = |value: &Json| match value {
        Json::String(text) => json!({"stringValue": text}),
        Json::Bool(flag) => json!({"boolValue": flag}),
        Json::Number(number) if number.is_i64() => json!({"intValue": number.to_string()}),
        number => json!({"doubleValue": number}),
    };
    of.as_object().unwrap().iter().map(|(key, one)| json!({"key": key, "value": value(one)})).collect()
}

fn span(n: u8, failed: bool, of: &Json) -> Span {
    Span {
        trace_id: vec![n; 16],
        span_id: vec![n; 8],
        name: "a span".into(),
        start_time_unix_nano: START + u64::from(n) * 1_000_000,
        end_time_unix_nano: START + 1,
        attributes: attributes(of),
        status: failed.then(|| Status { message: "PROMPT".into(), code: 2 }),
        ..Span::default()
    }
}

fn export(resource: &Json, scopes: Vec<(&str, Vec<Span>)>) -> Vec<u8> {
    let scope_spans = scopes.into_iter().map(|(name, spans)| ScopeSpans {
        scope: Some(InstrumentationScope { name: name.into(), ..InstrumentationScope::default() }),
        spans,
        ..ScopeSpans::default()
    });
    let group = ResourceSpans {
        resource: Some(Resource { attributes: attributes(resource), ..Resource::default() }),
        scope_spans: scope_spans.collect(),
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec()
}

/// One span of a service `svc`.
fn read(failed: bool, of: &Json) -> Reading {
    let body = export(&json!({"service.name": "svc"}), vec![("scope", vec![span(1, failed, of)])]);
    traces(&body, Encoding::Protobuf).unwrap()
}

fn call(extra: &Json) -> Json {
    let mut call = json!({
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100,
    });
    call.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    call.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    call
}

fn only(reading: &Reading) -> (&Event, &Combination) {
    assert_eq!(reading.parsed.rejected, []);
    (&reading.parsed.batch.events[0], &reading.parsed.batch.combinations[0])
}

#[test]
fn finish_reasons_of_filters_are_found_in_lists_and_in_texts() {
    for (reasons, expected) in [
        (json!({"gen_ai.response.finish_reasons": ["stop", "content_filter"]}), Some("content_filter")),
        (json!({"gen_ai.response.finish_reasons": "[\"SAFETY\"]"}), Some("safety")),
        (json!({"ai.response.finishReason": "content-filter"}), Some("content_filter")),
        (json!({"gen_ai.response.finish_reasons": ["stop"]}), None),
        (json!({"gen_ai.response.finish_reasons": []}), None),
        (json!({"gen_ai.response.finish_reasons": 7}), None),
    ] {
        let reading = read(false, &call(&reasons));
        let found: Vec<_> = reading.parsed.batch.interventions.iter().map(|(at, one)| (*at, &*one.name)).collect();
        assert_eq!(found, Vec::from_iter(expected.map(|name| (0, name))), "{reasons}");
    }
}

fn check(failed: bool, extra: &Json, counts: &[(Count, u64)], cost: &str) {
    let reading = read(failed, &call(extra));
    let (event, _) = only(&reading);
    for (count, expected) in counts {
        assert_eq!(event.measures.get(*count), *expected, "{extra} {count:?}");
    }
    assert_eq!(event.measures.cost.to_string(), cost, "{extra}");
}

#[test]
fn both_encodings_say_the_same() {
    let resource = json!({"service.name": "svc", "organization.id": "acme", "team.id": "search"});
    let spans = [
        (
            1,
            false,
            call(
                &json!({"gen_ai.response.id": "r-1", "gen_ai.usage.cache_read.input_tokens": 400, "operation.cost": 1.5e-4}),
            ),
        ),
        (2, true, call(&json!({"error.type": "RateLimitError", "gen_ai.input.messages": "PROMPT \"quoted\""}))),
        (
            3,
            false,
            call(&json!({"gen_ai.request.model": "a \u{e9} \"quoted\" model", "gen_ai.usage.output_tokens": 2.0})),
        ),
    ];
    let protobuf =
        export(&resource, vec![("scope", spans.iter().map(|(n, failed, of)| span(*n, *failed, of)).collect())]);
    let json_span = |(n, failed, of): &(u8, bool, Json)| {
        json!({"traceId": hex(*n, 16), "spanId": hex(*n, 8), "startTimeUnixNano": (START + u64::from(*n) * 1_000_000).to_string(),
               "attributes": json_attributes(of), "status": if *failed { json!({"code": 2, "message": "PROMPT"}) } else { json!({}) }})
    };
    let spans: Vec<Json> = spans.iter().map(json_span).collect();
    // Names in an order of their own: the resource comes last.
    let body = format!(
        r#"{{"resourceSpans": [{{"scopeSpans": [{{"spans": {}, "scope": {{"name": "scope"}}}}], "resource": {{"attributes": {}}}}}]}}"#,
        json!(spans),
        json_attributes(&resource)
    );
    let (a, b) = (traces(&protobuf, Encoding::Protobuf).unwrap(), traces(body.as_bytes(), Encoding::Json).unwrap());
    assert_eq!((a.parsed.rejected.len(), a.parsed.batch.events.len()), (0, 3));
    assert_eq!(a.parsed.batch.events, b.parsed.batch.events);
    assert_eq!(a.parsed.batch.combinations, b.parsed.batch.combinations);
    let ids = &a.parsed.batch.combinations[0];
    assert_eq!((ids.project.as_str(), ids.api_key.as_str(), ids.source.as_deref()), ("search", "token", Some("svc")));
    assert_eq!(a.parsed.batch.events[0].time, 1_780_300_000_124);
    assert_eq!(a.parsed.batch.events[0].measures.cost.to_string(), "0.00015");
}

fn hex(byte: u8, times: usize) -> String {
    format!("{byte:02X}").repeat(times)
}

#[test]
fn what_is_a_call_and_what_is_none() {
    for (of, counted) in [
        (call(&json!({})), 1),
        (call(&json!({"gen_ai.operation.name": "acompletion"})), 1),
        (call(&json!({"gen_ai.operation.name": "invoke_agent"})), 0),
        (call(&json!({"gen_ai.operation.name": "execute_tool"})), 0),
        (call(&json!({"gen_ai.operation.name": null})), 1),
        (call(&json!({"gen_ai.operation.name": null, "gen_ai.usage.input_tokens": null})), 0),
        (call(&json!({"gen_ai.operation.name": null, "openinference.span.kind": "AGENT"})), 0),
        (json!({"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o", "llm.system": "openai"}), 1),
        (json!({"openinference.span.kind": "EMBEDDING", "embedding.model_name": "e", "llm.token_count.prompt": 7}), 1),
        (json!({"openinference.span.kind": "CHAIN", "llm.model_name": "gpt-4o"}), 0),
        (json!({"gen_ai.operation.name": "chat"}), 0),
        (json!({"http.request.method": "POST"}), 0),
        (json!({}), 0),
    ] {
        let reading = read(false, &of);
        assert_eq!((reading.parsed.batch.events.len(), reading.ignored), (counted, 1 - counted), "{of}");
        assert_eq!(reading.parsed.rejected, [], "{of}");
    }
}

#[test]
fn measures_in_every_dialect() {
    use Count::*;
    let list_price = "0.00021";
    check(
        false,
        &json!({}),
        &[(InputTokens, 1000), (OutputTokens, 100), (TotalTokens, 1100), (Unpriced, 0)],
        list_price,
    );
    for (name, count) in [
        ("gen_ai.usage.cache_read.input_tokens", CachedTokens),
        ("gen_ai.usage.input_tokens.cached", CachedTokens),
        ("gen_ai.usage.cache_creation.input_tokens", CacheWriteTokens),
        ("gen_ai.usage.cache_write.input_tokens", CacheWriteTokens),
        ("gen_ai.usage.reasoning_tokens", ReasoningTokens),
        ("gen_ai.usage.details.reasoning_tokens", ReasoningTokens),
    ] {
        check(false, &json!({name: 7, "operation.cost": 1}), &[(count, 7), (InputTokens, 1000)], "1");
    }
    let old = json!({"gen_ai.usage.input_tokens": null, "gen_ai.usage.output_tokens": null,
                     "gen_ai.usage.prompt_tokens": 1000, "gen_ai.usage.completion_tokens": 100});
    check(false, &old, &[(InputTokens, 1000), (OutputTokens, 100)], list_price);
    let texts = json!({"gen_ai.usage.input_tokens": "1000", "gen_ai.usage.output_tokens": 100.0});
    check(false, &texts, &[(InputTokens, 1000), (OutputTokens, 100)], list_price);
    // More cached than there is input: they were counted beside it.
    let beside = json!({"gen_ai.usage.cache_read.input_tokens": 5000, "operation.cost": 0.5});
    check(false, &beside, &[(InputTokens, 6000), (CachedTokens, 5000)], "0.5");
    let unknown = json!({"gen_ai.usage.input_tokens": "-", "gen_ai.usage.output_tokens": null});
    check(false, &unknown, &[(Requests, 1), (InputTokens, 0), (Unpriced, 1)], "0");
    check(true, &unknown, &[(Errors, 1), (Unpriced, 0)], "0");
    check(true, &json!({"http.response.status_code": 400}), &[(ClientErrors, 1), (Errors, 0)], list_price);
    check(false, &json!({"error.type": "422"}), &[(ClientErrors, 1)], list_price);
    check(true, &json!({"error.type": "BadRequestError"}), &[(ClientErrors, 1), (Errors, 0)], list_price);
    check(true, &json!({"error.type": "openai.NotFoundError"}), &[(ClientErrors, 1), (Errors, 0)], list_price);
    check(true, &json!({"error.type": "InternalServerError"}), &[(ClientErrors, 0), (Errors, 1)], list_price);
    check(
        false,
        &json!({"error.type": "RateLimitError", "http.response.status_code": 429}),
        &[(Errors, 1)],
        list_price,
    );
    check(false, &json!({"gen_ai.cost.total_cost": 0.0}), &[(Unpriced, 0)], list_price);
    check(false, &json!({"gen_ai.usage.cost": 0.0}), &[(Unpriced, 0)], list_price);
    check(false, &json!({"gen_ai.usage.cost": 0}), &[(Unpriced, 0)], list_price);
    check(false, &json!({"gen_ai.usage.cost": -0.5}), &[(Unpriced, 0)], list_price);
    check(false, &json!({"gen_ai.usage.cost": f64::NAN}), &[(Unpriced, 0)], list_price);
    check(false, &json!({"gen_ai.usage.total_cost": 0.0138333}), &[], "0.0138333");
    check(false, &json!({"operation.cost": 1e-7}), &[], "0.0000001");
}

#[test]
fn names_in_every_dialect() {
    let ids = |of: &Json| {
        let reading = read(true, of);
        let (_, ids) = only(&reading);
        (ids.provider.clone(), ids.model.clone())
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let answered = call(&json!({"gen_ai.response.model": "gpt-4o-mini-2024"}));
    assert_eq!(ids(&answered), pair("openai", "gpt-4o-mini-2024"));
    let failed = json!({"openinference.span.kind": "LLM", "llm.system": "openai",
        "llm.invocation_parameters": "{\"user\": \"x\", \"messages\": [[{}]], \"model\": \"o4-mini\"}"});
    assert_eq!(ids(&failed), pair("openai", "o4-mini"));
    assert_eq!(ids(&call(&json!({"gen_ai.provider.name": "gcp.vertex_ai"}))), pair("vertex_ai", "gpt-4o-mini"));
    let prefixed = call(&json!({"gen_ai.provider.name": null, "gen_ai.request.model": "mistral/small"}));
    assert_eq!(ids(&prefixed), pair("mistral", "small"));
    assert_eq!(ids(&call(&json!({"gen_ai.provider.name": null}))), pair("unknown", "gpt-4o-mini"));
}

#[test]
fn a_project_is_named_by_the_attribute_chosen() {
    let resource = json!({"service.name": "unknown_service:python", "service.namespace": "ns", "squad": "blue"});
    let body = export(&resource, vec![("scope", vec![span(1, false, &call(&json!({"gen_ai.agent.name": "helper"})))])]);
    let project = |options: &Options| {
        let reading =
            with_context(Some("acme"), |context| parse_traces(&body, Encoding::Protobuf, options, context).unwrap());
        let (_, ids) = only(&reading);
        assert_eq!(ids.source.as_deref(), Some("helper"), "a service without a name is none");
        ids.project.clone()
    };
    assert_eq!(project(&Options::default()), "ns");
    assert_eq!(project(&Options { projects: vec!["squad".into()], ..Options::default() }), "blue");
    assert_eq!(project(&Options { projects: vec!["none".into()], ..Options::default() }), "default");
}

#[test]
fn a_call_that_is_traced_twice_is_one_event() {
    let anthropic = |extra: Json| {
        let mut of = call(&json!({"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-sonnet-4-5"}));
        of.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        of
    };
    let answered = anthropic(json!({"gen_ai.response.id": "msg-1"}));
    let failed = anthropic(json!({"error.type": "rate_limit_error"}));
    let sdk = |n| vec![span(n, false, &answered), span(n + 1, true, &failed)];
    let service = json!({"service.name": "svc"});
    let both = export(
        &service,
        vec![("com.anthropic.sdk.python", sdk(1)), ("opentelemetry.instrumentation.anthropic", sdk(3))],
    );
    let reading = traces(&both, Encoding::Protobuf).unwrap();
    let events = &reading.parsed.batch.events;
    assert_eq!((events.len(), reading.ignored), (2, 2), "the answered one and the failed one are told once");
    assert_ne!(events[0].id, events[1].id);
    let alone = traces(&export(&service, vec![("com.anthropic.sdk.python", sdk(1))]), Encoding::Protobuf).unwrap();
    assert_eq!(alone.parsed.batch.events.len(), 2);
}

#[test]
fn a_text_call_of_no_token_is_one_whose_tokens_are_unknown() {
    let none = json!({"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0});
    for (failed, extra, unpriced) in [
        (false, json!({}), 1),
        (false, json!({"gen_ai.usage.total_tokens": 0}), 1),
        (true, json!({}), 0),
        (false, json!({"gen_ai.operation.name": "embeddings"}), 0),
        (false, json!({"gen_ai.usage.output_tokens": 1}), 0),
    ] {
        let mut of = none.clone();
        of.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let reading = read(failed, &call(&of));
        let (event, _) = only(&reading);
        assert_eq!((event.measures.get(Count::Requests), event.measures.get(Count::Unpriced)), (1, unpriced), "{of}");
    }
}

#[test]
fn one_that_says_none_is_no_call_beside_the_one_that_it_is_around_or_inside_of() {
    let none = call(&json!({"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}));
    let used = call(&json!({"gen_ai.usage.input_tokens": 12345, "gen_ai.usage.output_tokens": 678}));
    for (outer, inner) in [(&none, &used), (&used, &none)] {
        let outer = span(1, false, outer);
        let inner =
            Span { trace_id: outer.trace_id.clone(), parent_span_id: outer.span_id.clone(), ..span(2, false, inner) };
        let body = export(&json!({"service.name": "svc"}), vec![("scope", vec![outer, inner])]);
        let reading = traces(&body, Encoding::Protobuf).unwrap();
        let events = &reading.parsed.batch.events;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].measures.get(Count::InputTokens), 12345);
    }
}

#[test]
fn a_stream_that_logfire_opens_is_counted_when_it_has_ended() {
    let without = call(&json!({"gen_ai.usage.input_tokens": null, "gen_ai.usage.output_tokens": null}));
    let body = |scope| {
        export(
            &json!({"service.name": "svc"}),
            vec![(scope, vec![span(1, false, &without), span(2, false, &call(&json!({})))])],
        )
    };
    let counted = |scope| traces(&body(scope), Encoding::Protobuf).unwrap().parsed.batch.events.len();
    assert_eq!((counted("logfire.openai"), counted("other")), (1, 2));
}

#[test]
fn a_stream_without_usage_that_logfire_traces_is_counted_once() {
    let half = |kind: &str| {
        let untold = json!({"gen_ai.usage.input_tokens": null, "gen_ai.usage.output_tokens": null});
        let mut half = call(&untold);
        half["logfire.span_type"] = json!(kind);
        half
    };
    let spans = vec![span(1, false, &half("span")), span(2, false, &half("log"))];
    let body = export(&json!({"service.name": "svc"}), vec![("logfire.openai", spans)]);
    let events = traces(&body, Encoding::Protobuf).unwrap().parsed.batch.events;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].measures.get(Count::Unpriced), 1);
}

#[test]
fn a_bad_span_leaves_the_good_ones() {
    let mut spans = vec![span(1, false, &call(&json!({})))];
    spans.push(Span { start_time_unix_nano: 0, ..span(2, false, &call(&json!({}))) });
    spans.push(Span { span_id: Vec::new(), ..span(3, false, &call(&json!({}))) });
    spans.push(Span { start_time_unix_nano: 5_000_000, ..span(4, false, &call(&json!({}))) });
    spans.push(span(5, false, &call(&json!({"gen_ai.usage.input_tokens": -1}))));
    spans.push(span(6, false, &call(&json!({"organization.id": "other"}))));
    spans.push(span(7, false, &call(&json!({"gen_ai.usage.output_tokens": 1_000_000_000_001_i64}))));
    let reading = traces(&export(&json!({}), vec![("s", spans)]), Encoding::Protobuf).unwrap();
    assert_eq!(reading.parsed.batch.events.len(), 1);
    let errors: Vec<&str> = reading.parsed.rejected.iter().map(|one| one.error.as_str()).collect();
    for words in [
        "startTimeUnixNano is missing",
        "spanId is missing",
        "the start at 5 ms is 1970-01-01T00:00:00Z, before 2020",
        "gen_ai.usage.input_tokens is -1; it must be a whole number of 0 or more",
        "the token is for 'acme' only",
        "gen_ai.usage.output_tokens is 1000000000001; at most 1000000000000",
    ] {
        assert!(errors.iter().any(|error| error.contains(words)), "{words}: {errors:?}");
    }
    assert_eq!(errors.len(), 6);
}

fn record(body: &str, of: &Json) -> LogRecord {
    LogRecord {
        time_unix_nano: START,
        body: Some(AnyValue { value: Some(Any::StringValue(body.into())) }),
        attributes: attributes(of),
        ..LogRecord::default()
    }
}

fn logs(records: Vec<LogRecord>, options: &Options, organization_id: Option<&str>) -> Reading {
    let resource = Resource { attributes: attributes(&json!({"department": "eng"})), ..Resource::default() };
    let group = ResourceLogs {
        resource: Some(resource),
        scope_logs: vec![ScopeLogs { log_records: records, ..ScopeLogs::default() }],
        ..ResourceLogs::default()
    };
    let body = ExportLogsServiceRequest { resource_logs: vec![group] }.encode_to_vec();
    with_context(organization_id, |context| parse_logs(&body, Encoding::Protobuf, options, context).unwrap())
}

fn request(extra: &Json) -> Json {
    let mut request = json!({
        "session.id": "s", "event.sequence": 5, "request_id": "req-1", "model": "claude-sonnet-4-5-20250929",
        "input_tokens": 2101, "output_tokens": 271, "cache_read_tokens": 2801, "cache_creation_tokens": 700,
        "cost_usd": 0.0138333, "duration_ms": 20_000, "user.id": "hash", "organization.id": "the-account-at-anthropic",
    });
    request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    request.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    request
}

#[test]
fn claude_codes_requests_are_counted_and_nothing_else_of_it() {
    let reading = logs(
        vec![
            record("claude_code.api_request", &request(&json!({}))),
            record("claude_code.user_prompt", &json!({"prompt": "PROMPT"})),
            record("PROMPT", &json!({})),
            record(
                "claude_code.api_error",
                &request(&json!({
                "request_id": null, "input_tokens": null, "output_tokens": null, "cost_usd": null, "status_code": "529"})),
            ),
        ],
        &Options::default(),
        Some("acme"),
    );
    assert_eq!((reading.parsed.batch.events.len(), reading.ignored), (2, 2));
    let (answered, ids) = only(&reading);
    for (count, expected) in [
        (Count::InputTokens, 5602),
        (Count::OutputTokens, 271),
        (Count::CachedTokens, 2801),
        (Count::CacheWriteTokens, 700),
        (Count::Errors, 0),
    ] {
        assert_eq!(answered.measures.get(count), expected, "{count:?}");
    }
    assert_eq!(answered.measures.cost.to_string(), "0.0138333");
    assert_eq!(answered.time, 1_780_300_000_123 - 20_000, "reported at its end, counted at its start");
    assert_eq!((ids.project.as_str(), ids.source.as_deref()), ("eng", Some("claude-code")));
    let failed = reading.parsed.batch.events[1].measures;
    assert_eq!((failed.get(Count::Errors), failed.get(Count::Unpriced)), (1, 0));
    assert_ne!(answered.id, reading.parsed.batch.events[1].id);
}

#[test]
fn people_who_use_claude_code_have_a_key_each_unless_the_token_has_one() {
    let ada = || vec![record("claude_code.api_request", &request(&json!({"user.email": "ada@acme.example"})))];
    let reading = logs(ada(), &Options::default(), Some("acme"));
    let (_, ids) = only(&reading);
    assert_eq!(ids.api_key, "claude-code:ada@acme.example");
    let key = &reading.names.api_keys[&("acme".into(), ids.api_key.clone())];
    assert_eq!(key.owner.as_deref(), Some("ada@acme.example"));
    let shared = logs(ada(), &Options { key_by_person: false, ..Options::default() }, Some("acme"));
    let (_, ids) = only(&shared);
    assert_eq!(ids.api_key, "token");
    assert!(shared.names.is_empty());
    let any = logs(ada(), &Options::default(), None);
    assert_eq!(only(&any).1.organization, "the-account-at-anthropic", "a token of no organization takes what there is");
}

#[test]
fn metrics_are_counted_as_what_is_ignored() {
    let group = ResourceMetrics {
        scope_metrics: vec![ScopeMetrics { metrics: vec![Metric::default(); 3], ..ScopeMetrics::default() }],
        ..ResourceMetrics::default()
    };
    let body = ExportMetricsServiceRequest { resource_metrics: vec![group] }.encode_to_vec();
    let metrics = |body: &[u8], encoding| {
        with_context(Some("acme"), |context| parse_metrics(body, encoding, context)).unwrap().ignored
    };
    assert_eq!(metrics(&body, Encoding::Protobuf), 3);
    let body = br#"{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{}, {"name": "x"}]}]}]}"#;
    assert_eq!(metrics(body, Encoding::Json), 2);
}

#[test]
fn answers_are_what_the_protocol_says() {
    let none = ExportTraceServiceResponse::decode(&answer(Encoding::Protobuf, "rejectedSpans", 0, "")[..]).unwrap();
    assert!(none.partial_success.is_none());
    let some = answer(Encoding::Protobuf, "rejectedSpans", 300, "why");
    let partial = ExportTraceServiceResponse::decode(&some[..]).unwrap().partial_success.unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (300, "why"));
    assert_eq!(answer(Encoding::Json, "rejectedSpans", 0, ""), b"{}");
    let some: Json = serde_json::from_slice(&answer(Encoding::Json, "rejectedSpans", 2, "why")).unwrap();
    assert_eq!(some, json!({"partialSuccess": {"rejectedSpans": "2", "errorMessage": "why"}}));
}

#[test]
fn what_is_no_export_is_refused_whole_and_not_repeated() {
    assert_eq!(traces(b"", Encoding::Protobuf).unwrap().ignored, 0);
    assert_eq!(traces(b" ", Encoding::Json).unwrap().ignored, 0);
    assert_eq!(traces(b"{\"resourceSpans\": null}", Encoding::Json).unwrap().ignored, 0);
    assert!(traces(b"\x0a\x05abc", Encoding::Protobuf).is_err());
    for body in
        ["\"PROMPT\"", "[\"PROMPT\"]", "{\"resourceSpans\": \"PROMPT\"}", "{\"resourceSpans\": [[\"PROMPT\"]]}", "{"]
    {
        let error = traces(body.as_bytes(), Encoding::Json).unwrap_err().to_string();
        assert!(!error.contains("PROMPT"), "{error}");
        assert!(error.len() < 200, "{error}");
    }
}

proptest! {
    /// Whatever happens to bytes on the way: an error or some events, never a panic.
    #[test]
    fn no_body_makes_it_panic(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let body = export(&json!({"service.name": "svc"}), vec![("scope", vec![span(1, true, &call(&json!({"a": 1.5})))])]);
        let mut broken = body.clone();
        broken[at.index(body.len())] = byte;
        let _ = traces(&broken, Encoding::Protobuf);
        let _ = traces(&body[..cut.index(body.len())], Encoding::Protobuf);
    }
}

/// Spans of a few calls: told once, by two instrumentations, inside of each other, and asked for again.
fn many() -> Vec<(&'static str, Span)> {
    let answer = |id: &str, extra: Json| {
        let mut of = call(&extra);
        of["gen_ai.response.id"] = json!(id);
        of
    };
    let untold = json!({"gen_ai.usage.input_tokens": null, "gen_ai.usage.output_tokens": null});
    let inside = |of: Span, parent: u8, trace: u8| Span {
        parent_span_id: vec![parent; 8],
        trace_id: vec![trace; 16],
        end_time_unix_nano: START + 1_000_000_000_000,
        ..of
    };
    let fetched = |id: &str, extra: Json| {
        let mut of = answer(id, extra);
        of["gen_ai.operation.name"] = json!("fetch_response");
        of
    };
    vec![
        ("a", span(1, false, &answer("resp-1", json!({})))),
        ("b", span(2, false, &answer("resp-1", json!({"gen_ai.usage.cache_read.input_tokens": 400})))),
        ("a", span(3, false, &answer("resp-2", untold.clone()))),
        ("a", span(4, false, &fetched("resp-2", untold.clone()))),
        ("a", span(5, false, &fetched("resp-2", json!({"gen_ai.usage.input_tokens": 7000})))),
        ("a", inside(span(6, false, &call(&untold)), 0, 6)),
        ("b", inside(span(7, false, &call(&json!({"gen_ai.usage.input_tokens": 30}))), 6, 6)),
        ("a", inside(span(8, false, &call(&json!({"gen_ai.usage.output_tokens": 9}))), 0, 8)),
        ("b", inside(span(9, false, &call(&json!({"gen_ai.usage.output_tokens": 9}))), 0, 8)),
        ("a", span(10, true, &call(&untold))),
    ]
}

/// Requests, tokens in and out, cached tokens, failures and the cost of events, each id once.
fn sums(events: &[Event]) -> (Vec<u64>, crate::model::PicoUsd) {
    let mut sum = crate::model::Measures::ZERO;
    events.iter().for_each(|event| sum.add(&event.measures).unwrap());
    (sum.counts.to_vec(), sum.cost)
}

proptest! {
    /// However the spans of a post stand in it, they are the same calls at the same times.
    #[test]
    fn the_order_of_spans_in_a_post_changes_nothing(
        order in Just((0..many().len()).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec(0..many().len(), 0..5),
    ) {
        let spans = many();
        let read = |order: &[usize]| {
            let scopes = order.iter().map(|at| (spans[*at].0, vec![spans[*at].1.clone()])).collect();
            let reading = traces(&export(&json!({"service.name": "svc"}), scopes), Encoding::Protobuf).unwrap();
            let mut events = reading.parsed.batch.events;
            events.sort_by_key(|event| event.id);
            events.iter().map(|event| (event.id, event.time, event.measures)).collect::<Vec<_>>()
        };
        let usual = read(&(0..spans.len()).collect::<Vec<_>>());
        prop_assert_eq!(usual.len(), 5);
        prop_assert_eq!(&read(&order), &usual);
        // What comes twice in a post is there once.
        prop_assert_eq!(&read(&[order, again].concat()), &usual);
    }
}

#[test]
fn what_spans_of_one_call_know_is_put_together() {
    let scopes = many().into_iter().map(|(scope, span)| (scope, vec![span])).collect();
    let reading = traces(&export(&json!({"service.name": "svc"}), scopes), Encoding::Protobuf).unwrap();
    let (counts, cost) = sums(&reading.parsed.batch.events);
    let of = |count: Count| counts[count as usize];
    let expected = [5, 1000 + 7000 + 30 + 1000, 100 + 100 + 100 + 9, 400, 1];
    let found = [Count::Requests, Count::InputTokens, Count::OutputTokens, Count::CachedTokens, Count::Errors].map(of);
    assert_eq!((found, reading.ignored), (expected, 5));
    // At the list price of gpt-4o-mini, of which 400 tokens were cached.
    assert_eq!(cost.to_string(), "0.0015099");
}

#[test]
fn observations_of_langfuse() {
    use Count::*;
    let observation = |kind: &str, extra: Json| {
        let mut of = json!({"langfuse.observation.type": kind, "langfuse.observation.model.name": "gpt-4o-2024-08-06",
                            "user.id": "ada", "langfuse.observation.input": "PROMPT"});
        of.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        of
    };
    let usage = |text: &str| json!({"langfuse.observation.usage_details": text});
    let anthropic =
        r#"{"input": 10, "output": 20, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 5, "total": 65}"#;
    let openai = r#"{"completion_tokens": 300, "prompt_tokens": 1000, "total_tokens": 1300,
        "completion_tokens_details": {"accepted_prediction_tokens": 7, "audio_tokens": 0, "reasoning_tokens": 100},
        "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 400}}"#;
    let stream =
        r#"{"completion_tokens": 20, "prompt_tokens": 100, "total_tokens": 120, "prompt_tokens_details": null}"#;
    let hour = r#"{"input_tokens": 10, "output_tokens": 20, "cache_creation_input_tokens": 50,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30}}"#;
    let cost =
        |text: &str| json!({"langfuse.observation.cost_details": text, "langfuse.observation.usage_details": "{}"});
    let level = |level: &str| json!({"langfuse.observation.level": level});
    for (kind, extra, counts) in [
        (
            "generation",
            usage(anthropic),
            &[(InputTokens, 45), (OutputTokens, 20), (CachedTokens, 30), (CacheWriteTokens, 5)][..],
        ),
        (
            "GENERATION",
            usage(openai),
            &[(InputTokens, 1000), (OutputTokens, 300), (CachedTokens, 400), (ReasoningTokens, 100)],
        ),
        ("generation", usage(stream), &[(InputTokens, 100), (OutputTokens, 20), (Unpriced, 0)]),
        ("generation", usage(hour), &[(InputTokens, 60), (OutputTokens, 20), (CacheWriteTokens, 50)]),
        ("embedding", usage(r#"{"input": 50}"#), &[(InputTokens, 50), (OutputTokens, 0)]),
        ("generation", usage("no object"), &[(Requests, 1), (InputTokens, 0), (Unpriced, 1)]),
        ("generation", cost(r#"{"input": 0.001, "output": 0.002}"#), &[(Requests, 1), (Unpriced, 0)]),
        ("generation", cost(r#"{"total": 0}"#), &[(Requests, 1), (Unpriced, 1)]),
        ("generation", level("ERROR"), &[(Requests, 1), (Errors, 1)]),
        ("generation", level("WARNING"), &[(Requests, 1), (Errors, 0)]),
    ] {
        let of = observation(kind, extra);
        let reading = read(false, &of);
        let (event, ids) = only(&reading);
        assert_eq!(ids.model, "gpt-4o-2024-08-06", "{of}");
        counts.iter().for_each(|(count, expected)| assert_eq!(event.measures.get(*count), *expected, "{of} {count:?}"));
    }
    for (costs, expected) in [
        (r#"{"input": 0.001, "output": 0.002, "total": 0.0035}"#, "0.0035"),
        (r#"{"input": 0.001, "output": 3e-05}"#, "0.00103"),
    ] {
        let reading = read(false, &observation("generation", cost(costs)));
        assert_eq!(only(&reading).0.measures.cost.to_string(), expected, "{costs}");
    }
    for kind in ["span", "agent", "tool", "chain", "retriever", "evaluator", "guardrail", "event"] {
        let reading = read(false, &observation(kind, usage(openai)));
        assert_eq!((reading.parsed.batch.events.len(), reading.ignored), (0, 1), "{kind}");
    }
}

#[test]
fn langfuses_wrapper_and_an_instrumentation_of_the_sdk_below_tell_of_one_call_in_traces_of_their_own() {
    let usage = r#"{"prompt_tokens": 1000, "completion_tokens": 300, "total_tokens": 1300}"#;
    let wrapper = json!({"langfuse.observation.type": "generation", "langfuse.observation.model.name": "gpt-4o",
                         "langfuse.observation.usage_details": usage});
    let below = json!({"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o", "llm.system": "openai",
                       "llm.token_count.prompt": 1000, "llm.token_count.completion": 300});
    let both = |numbers: [u8; 2]| {
        let scopes = [("langfuse-sdk", &wrapper), ("openinference.instrumentation.openai", &below)];
        let lasting = |number, of| Span { end_time_unix_nano: START + 500_000_000, ..span(number, false, of) };
        let spans = scopes.iter().zip(numbers).map(|((scope, of), number)| (*scope, vec![lasting(number, of)]));
        let body = export(&json!({"service.name": "svc"}), spans.collect());
        let reading = traces(&body, Encoding::Protobuf).unwrap();
        let (event, ids) = only(&reading);
        assert_eq!((reading.parsed.batch.events.len(), ids.provider.as_str()), (1, "openai"));
        assert_eq!(event.measures.get(Count::InputTokens), 1000);
    };
    both([1, 2]);
    both([2, 1]);
    // What says nothing of tokens takes none away.
    let empty = call(&json!({"langfuse.observation.usage_details": "{}"}));
    assert_eq!(only(&read(false, &empty)).0.measures.get(Count::InputTokens), 1000);
}
