//! The doors of other senders: what they were seen to send, replayed against the built binary, and small bodies of our
//! own.
//!
//! The captured bodies are not part of the repository; where they are missing, those tests say that they skip.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::support::{Answer, OPERATOR, Server, bearer, number_text};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

const CAPTURED: &str = "../shared/data/captured";
const LITELLM: &str = "/v1/ingest/litellm";
const LLMGATEWAY: &str = "/v1/ingest/llmgateway";
const TRACES: &str = "/v1/otlp/v1/traces";
const LOGS: &str = "/v1/otlp/v1/logs";
const METRICS: &str = "/v1/otlp/v1/metrics";
const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The captured bodies, or nothing and a line that says so.
fn captured() -> Option<PathBuf> {
    let folder = Path::new(CAPTURED);
    if folder.is_dir() {
        return Some(folder.to_owned());
    }
    // Past the capture of output, so that it is seen.
    let line = format!("SKIPPED: {CAPTURED} is not here; what clients sent is not part of the repository\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    None
}

fn json_file(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn post(server: &Server, path: &str, token: &str, content_type: &str, body: &[u8]) -> Answer {
    server.send("POST", path, &[("authorization", &bearer(token)), ("content-type", content_type)], body)
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body).unwrap();
    gzip.finish().unwrap()
}

/// All there is of an organization, by a dimension. The windows of the captures and of our own bodies lie in these
/// days.
fn activity(server: &Server, organization: &str, group: &str) -> Value {
    let query = format!("organizationId={organization}&from=2026-06-01&to=2026-11-30&groupBy={group}");
    server.get(&format!("/analytics/activity?{query}"), OPERATOR).ok().json()
}

/// Exact cost of an organization, as text.
fn cost(server: &Server, organization: &str) -> String {
    let query = format!("organizationId={organization}&from=2026-06-01&to=2026-11-30&groupBy=none");
    number_text(&server.get(&format!("/analytics/activity?{query}"), OPERATOR).ok().text, "cost")
}

/// Keys and labels of a dimension, by key.
fn labels(server: &Server, organization: &str, group: &str) -> Vec<(String, String)> {
    let ranking = activity(server, organization, group)["ranking"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap_or("null").to_owned();
    let mut labels: Vec<_> = ranking.iter().map(|entry| (text(&entry["key"]), text(&entry["label"]))).collect();
    labels.sort();
    labels
}

fn pair(key: &str, label: &str) -> (String, String) {
    (key.to_owned(), label.to_owned())
}

#[derive(Debug, Default, PartialEq)]
struct Sums {
    requests: u64,
    errors: u64,
    client_errors: u64,
    cache_hits: u64,
    input: u64,
    output: u64,
    cached: u64,
    reasoning: u64,
}

impl Sums {
    fn of(server: &Server, organization: &str) -> Sums {
        let totals = &activity(server, organization, "none")["totals"];
        let number = |field: &str| totals[field].as_u64().unwrap();
        Sums {
            requests: number("requestCount"),
            errors: number("errorCount"),
            client_errors: number("clientErrorCount"),
            cache_hits: number("cacheCount"),
            input: number("inputTokens"),
            output: number("outputTokens"),
            cached: number("cachedTokens"),
            reasoning: number("reasoningTokens"),
        }
    }
}

#[test]
fn what_litellm_sent_adds_up() {
    let Some(folder) = captured() else { return };
    let server = Server::start();
    let token = server.token(&json!({"kind": "ingest", "organizationId": "org-acme", "label": "litellm"}));
    let mut expected = Sums::default();
    let mut reported = 0.0;
    let mut events = 0;
    let mut files: Vec<PathBuf> =
        folder.join("litellm").read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in &files {
        let body = std::fs::read_to_string(file).unwrap();
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let payloads: Vec<Value> = match body.as_bytes()[0] {
            b'[' => read(&body).as_array().unwrap().clone(),
            _ if file.extension().is_some_and(|e| e == "ndjson") => {
                body.lines().filter(|line| !line.trim().is_empty()).map(read).collect()
            }
            _ => vec![read(&body)],
        };
        for payload in &payloads {
            let usage = &payload["metadata"]["usage_object"];
            let number = |value: &Value| value.as_u64().unwrap_or(0);
            let refused = payload["error_information"]["error_code"] == "401"
                && payload["error_information"]["llm_provider"] == "";
            expected.requests += 1;
            expected.errors += u64::from(payload["status"] == "failure" && !refused);
            expected.client_errors += u64::from(refused);
            expected.cache_hits += u64::from(payload["cache_hit"] == true);
            expected.input += number(&payload["prompt_tokens"]);
            expected.output += number(&payload["completion_tokens"]);
            expected.cached += number(&usage["prompt_tokens_details"]["cached_tokens"]);
            expected.reasoning += number(&usage["completion_tokens_details"]["reasoning_tokens"]);
            reported += payload["response_cost"].as_f64().unwrap();
        }
        events += payloads.len();
        let answer = post(&server, LITELLM, &token, JSON, body.as_bytes()).ok().json();
        assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(payloads.len()), &json!([])), "{file:?}");
    }
    assert_eq!((files.len(), events), (10, 14));
    assert_eq!(Sums::of(&server, "org-acme"), expected);
    // Two of the calls that LiteLLM has no price for have none here either.
    let totals = &activity(&server, "org-acme", "none")["totals"];
    assert_eq!(totals["unpricedRequestCount"], 2);
    let listed = 16.0 * 1e-6;
    let cost: f64 = cost(&server, "org-acme").parse().unwrap();
    assert!(cost >= reported - 1e-12 && cost - reported < listed, "{cost} for {reported} reported");

    // A lost answer: the same post again.
    let again = std::fs::read(&files[1]).unwrap();
    assert_eq!(post(&server, LITELLM, &token, JSON, &again).ok().json()["duplicates"], 3);
    assert_eq!(Sums::of(&server, "org-acme"), expected);

    assert_eq!(
        labels(&server, "org-acme", "project"),
        [
            pair("default", "default"),
            pair("p-assistant", "assistant"),
            pair("p-search", "search-assistant"),
            pair("t-data", "Data")
        ]
    );
    let keys = labels(&server, "org-acme", "apiKey");
    assert!(keys.iter().any(|(_, label)| label == "alice-web") && keys.iter().any(|(_, label)| label == "bob-batch"));
    let members = labels(&server, "org-acme", "user");
    assert_eq!(
        members,
        [pair("null", "Unattributed"), pair("u-alice", "alice@example.test"), pair("u-bob", "bob@example.test"),]
    );
    let apps = labels(&server, "org-acme", "source");
    assert!(apps.contains(&pair("ide-plugin", "ide-plugin")) && apps.contains(&pair("nightly-batch", "nightly-batch")));
}

#[test]
fn what_instrumented_programs_sent_adds_up() {
    let Some(folder) = captured() else { return };
    // Calls, failed ones, cost in USD where the spans carry one: as the captures' decoded copies have them.
    for (service, calls, reported) in [
        ("anthropic", 3, None),
        ("openai-v2", 6, None),
        ("openinference", 7, None),
        ("openllmetry", 7, None),
        ("pydantic-ai", 6, Some("0.014498825")),
    ] {
        let server = Server::start();
        let token = server.token(&json!({
            "kind": "ingest", "organizationId": "org-acme", "projectId": "p0", "apiKeyId": "k0", "label": "otel"}));
        let path = folder.join(format!("otel/svc-{service}-traces.pb"));
        let body = std::fs::read(&path).unwrap();
        let headers = [("authorization", &*bearer(&token)), ("content-type", PROTOBUF), ("content-encoding", "gzip")];
        let answer = server.send("POST", TRACES, &headers, &gzip(&body)).ok();
        assert_eq!((answer.text.as_str(), answer.header("content-type")), ("", PROTOBUF));
        let expected = spans(&json_file(&path.with_extension("decoded.json")));
        assert_eq!(expected.requests, calls, "{service}");
        assert_eq!(Sums::of(&server, "org-acme"), expected, "{service}");
        if let Some(reported) = reported {
            assert_eq!(cost(&server, "org-acme"), reported);
        }
        // The same post again changes nothing.
        server.send("POST", TRACES, &headers, &gzip(&body)).ok();
        assert_eq!(Sums::of(&server, "org-acme"), expected, "{service}");
        assert_eq!(labels(&server, "org-acme", "project"), [pair("t-search", "t-search")]);
        assert_eq!(labels(&server, "org-acme", "apiKey"), [pair("k0", "k0")]);
        let app = format!("svc-{service}");
        assert_eq!(labels(&server, "org-acme", "source"), [pair(&app, &app)]);
    }
}

/// Sums of a decoded export, counted without any of the rules' code: Anthropic's calls once for each pair of spans.
fn spans(export: &Value) -> Sums {
    let mut sums = Sums::default();
    for scope in export["resourceSpans"].as_array().unwrap().iter().flat_map(|r| r["scopeSpans"].as_array().unwrap()) {
        let name = scope["scope"]["name"].as_str().unwrap();
        for span in scope["spans"].as_array().unwrap() {
            let attribute = |names: &[&str]| {
                let pairs = span["attributes"].as_array().unwrap();
                let pair = names.iter().find_map(|name| pairs.iter().find(|pair| pair["key"] == *name))?;
                Some(pair["value"].as_object().unwrap().values().next().unwrap().clone())
            };
            let number =
                |names: &[&str]| attribute(names).map_or(0, |value| value.as_str().unwrap().parse::<u64>().unwrap());
            let operation = attribute(&["gen_ai.operation.name"]);
            let failed = span["status"]["code"] == "STATUS_CODE_ERROR";
            // Of Anthropic's pairs the answered call of its SDK comes first, and so does the failed one of the other.
            let second = if failed {
                name == "com.anthropic.sdk.python"
            } else {
                name == "opentelemetry.instrumentation.anthropic"
            };
            if second || operation.is_some_and(|operation| operation == "invoke_agent") {
                continue;
            }
            sums.requests += 1;
            sums.errors += u64::from(failed);
            sums.input += number(&["gen_ai.usage.input_tokens", "llm.token_count.prompt"]);
            sums.output += number(&["gen_ai.usage.output_tokens", "llm.token_count.completion"]);
            sums.cached +=
                number(&["gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt_details.cache_read"]);
            sums.reasoning += number(&[
                "gen_ai.usage.reasoning_tokens",
                "gen_ai.usage.details.reasoning_tokens",
                "llm.token_count.completion_details.reasoning",
            ]);
        }
    }
    sums
}

#[test]
fn what_claude_code_sent_adds_up() {
    let Some(folder) = captured() else { return };
    let server = Server::start();
    let token = server.token(&json!({"kind": "ingest", "organizationId": "acme", "label": "Laptops"}));
    let protobuf = std::fs::read(folder.join("claude-code/claude-code-logs-1.pb")).unwrap();
    let json = std::fs::read_to_string(folder.join("claude-code/claude-code-logs-json-5.otlp.json")).unwrap();
    post(&server, LOGS, &token, PROTOBUF, &protobuf).ok();
    assert_eq!(cost(&server, "acme"), "0.0138333", "the list price that Claude Code reports");
    assert_eq!(post(&server, LOGS, &token, JSON, json.as_bytes()).ok().text, "{}");
    assert_eq!(cost(&server, "acme"), "0.0138333", "the fake provider gave both sessions the same request id");
    let other = json.replace("req_fake000001", "req_fake000002");
    post(&server, LOGS, &token, JSON, other.as_bytes()).ok();
    let twice = |one: u64| 2 * one;
    let expected = Sums {
        requests: 2,
        input: twice(2101 + 2801 + 700),
        output: twice(271),
        cached: twice(2801),
        ..Sums::default()
    };
    assert_eq!(Sums::of(&server, "acme"), expected);
    assert_eq!(labels(&server, "acme", "project"), [pair("platform", "platform")]);
    assert_eq!(labels(&server, "acme", "source"), [pair("claude-code", "claude-code")]);
    let people = labels(&server, "acme", "user");
    assert_eq!(people.len(), 2, "an installation each: {people:?}");

    for (path, kind) in
        [("claude-code/claude-code-metrics-2.pb", PROTOBUF), ("otel/svc-openllmetry-metrics.pb", PROTOBUF)]
    {
        let body = std::fs::read(folder.join(path)).unwrap();
        assert_eq!(post(&server, METRICS, &token, kind, &body).ok().text, "");
    }
    assert_eq!(Sums::of(&server, "acme"), expected, "metrics repeat what is counted already");
    let metrics = server.get("/metrics", "").ok().text;
    assert!(metrics.contains("rollcall_feed_records_total{feed=\"otlp_logs\",result=\"accepted\"} 2"), "{metrics}");
    assert!(metrics.contains("rollcall_feed_records_total{feed=\"otlp_logs\",result=\"duplicate\"} 1"), "{metrics}");
    let ignored = metrics.lines().find(|line| line.contains("feed=\"otlp_metrics\",result=\"ignored\"")).unwrap();
    assert_ne!(ignored.rsplit(' ').next(), Some("0"));
}

fn litellm_payload(call: &str, extra: &Value) -> Value {
    let mut payload = json!({
        "litellm_call_id": call, "status": "success", "startTime": 1_780_300_000.5, "model": "openai/gpt-4o",
        "custom_llm_provider": "openai", "prompt_tokens": 100, "completion_tokens": 20, "response_cost": 0.25,
        "metadata": {"user_api_key_hash": "hash-1", "user_api_key_alias": "Alias", "user_api_key_team_id": "t1",
                     "user_api_key_team_alias": "Team", "user_api_key_user_id": "ada",
                     "user_api_key_user_email": "ada@acme.example"},
    });
    payload.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    payload
}

fn span(id: &str, extra: &Value) -> Value {
    let mut attributes = json!({
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": "100", "gen_ai.usage.output_tokens": "20",
    });
    attributes.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let attributes: Vec<Value> = attributes
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}))
        .collect();
    json!({"traceId": "5b8efff798038103d269b633813fc60c", "spanId": id, "name": "chat", "kind": 3,
           "startTimeUnixNano": "1780300000000000000", "attributes": attributes})
}

fn traces(spans: &[Value]) -> Vec<u8> {
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "svc"}}]});
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "s"}, "spans": spans}]}]})
        .to_string()
        .into_bytes()
}

fn logged(id: &str, extra: &Value) -> Value {
    let mut event = json!({
        "id": id, "type": "request_log", "timestamp": "2026-06-01T10:20:30.123Z", "organizationId": "acme",
        "projectId": "web", "apiKeyId": "k1", "usedModel": "openai/gpt-4o", "usedProvider": "openai",
        "promptTokens": 100, "completionTokens": 20, "cost": 0.25, "hasError": false, "cached": false,
    });
    event.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    event
}

#[test]
fn the_data_stream_of_llm_gateway_is_signed_tested_and_replayed() {
    let server = Server::start();
    let token = server.token(&json!({"kind": "ingest", "organizationId": "acme"}));
    let signature = |secret: &str, body: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("1780300000.{body}").as_bytes());
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t=1780300000,v1={hex}")
    };
    let send = |signature: Option<&str>, body: &str| {
        let bearer = bearer(&token);
        let mut headers = vec![("authorization", &*bearer), ("content-type", JSON)];
        headers.extend(signature.map(|signature| ("x-llmgateway-signature", signature)));
        server.send("POST", LLMGATEWAY, &headers, body.as_bytes())
    };
    let test = json!({"id": "test-1", "type": "request_log", "test": true, "message": "hello"}).to_string();
    let answer = send(Some(&signature(&token, &test)), &test).ok().json();
    assert_eq!(answer, json!({"accepted": 0, "duplicates": 0, "ignored": 1, "rejected": []}));

    let events = [
        logged("log-1", &json!({})),
        logged("log-2", &json!({"cost": null})),
        logged("log-3", &json!({"organizationId": "other"})),
    ];
    let body = json!({"stream": "s", "source": "request_logs", "events": events}).to_string();
    let answer = send(Some(&signature(&token, &body)), &body).ok().json();
    assert_eq!((&answer["accepted"], &answer["rejected"][0]["id"]), (&json!(2), &json!("log-3")));
    send(Some(&signature("another secret of theirs", &body)), &body)
        .is_problem(401, "the ingest token as its signing secret");
    send(Some(&signature(&token, &body)), &test).is_problem(401, "does not fit the body");
    send(Some("nonsense"), &body).is_problem(400, "it must be t=SECONDS,v1=HEX");
    // A replay, weeks later, without a signature.
    assert_eq!(send(None, &body).ok().json()["duplicates"], 2);
    assert_eq!(cost(&server, "acme"), "0.25045");
    // A row loaded from an export is the same event.
    let row = json!({"id": "log-1", "timestamp": "2026-06-01T10:20:30.123Z", "projectId": "web", "apiKeyId": "k1",
                     "usedModel": "openai/gpt-4o", "cost": 0.25});
    assert_eq!(server.send_events(&token, &row)["duplicates"], 1);
    send(None, "{").is_problem(400, "not valid JSON");
    send(None, "[]").is_problem(400, "an object is expected, not an array");
}

#[test]
fn ids_that_are_missing_are_the_tokens() {
    let server = Server::start();
    let bound = json!({"kind": "ingest", "organizationId": "acme", "projectId": "p0", "apiKeyId": "k0"});
    let bound = server.token(&bound);
    let loose = server.post(
        "/v1/tokens",
        OPERATOR,
        &json!({"kind": "ingest", "organizationId": "acme", "label": "Search team"}),
    );
    let loose = loose.ok().json();
    post(&server, TRACES, &bound, JSON, &traces(&[span("00000001", &json!({}))])).ok();
    post(&server, TRACES, loose["token"].as_str().unwrap(), JSON, &traces(&[span("00000002", &json!({}))])).ok();
    assert_eq!(labels(&server, "acme", "project"), [pair("default", "default"), pair("p0", "p0")]);
    let id = loose["id"].as_str().unwrap();
    assert_eq!(labels(&server, "acme", "apiKey"), [pair("k0", "k0"), pair(id, "Search team")]);
    // The operator's token has no organization to give.
    let answer = post(&server, TRACES, OPERATOR, JSON, &traces(&[span("00000003", &json!({}))])).ok().json();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1");
    let why = answer["partialSuccess"]["errorMessage"].as_str().unwrap();
    assert!(why.contains("organizationId is missing"), "{why}");
    let named = json!({"organization.id": "acme", "team.id": "t"});
    post(&server, TRACES, OPERATOR, JSON, &traces(&[span("00000004", &named)])).ok();
    assert!(labels(&server, "acme", "project").contains(&pair("t", "t")));
}

#[test]
fn a_sender_may_say_what_its_projects_are() {
    let server = Server::start();
    let token = server.token(&json!({"kind": "ingest", "organizationId": "acme"}));
    let send = |path: &str, from: &str, body: &[u8]| {
        let headers = [("authorization", &*bearer(&token)), ("content-type", JSON), ("x-rollcall-project-from", from)];
        server.send("POST", path, &headers, body)
    };
    let squads = traces(&[span("00000001", &json!({"squad": "blue", "team.id": "t"}))]);
    send(TRACES, "guild, squad", &squads).ok();
    let mut payload = litellm_payload("1", &json!({}));
    payload["metadata"]["user_api_key_project_id"] = json!("p");
    send(LITELLM, "team", payload.to_string().as_bytes()).ok();
    assert_eq!(labels(&server, "acme", "project"), [pair("blue", "blue"), pair("t1", "Team")]);
    send(LITELLM, "squad", b"[]").is_problem(400, "allowed here are project and team");
    send(TRACES, &["a"; 17].join(","), b"{}").is_problem(400, "at most 16");
}

#[test]
fn names_that_come_along_never_replace_the_operators() {
    let server = Server::start();
    let token = server.token(&json!({"kind": "ingest", "organizationId": "acme"}));
    server
        .put(
            "/v1/directory",
            OPERATOR,
            &json!({
                "projects": [{"id": "t1", "organizationId": "acme", "name": "Website"}],
                "users": [{"id": "u-1", "name": "Ada", "email": "ADA@acme.example"}],
                "members": [{"organizationId": "acme", "userId": "u-1", "role": "owner"}],
            }),
        )
        .ok();
    let first = litellm_payload("1", &json!({}));
    let mut second = litellm_payload("2", &json!({}));
    second["metadata"]["user_api_key_hash"] = json!("hash-2");
    second["metadata"]["user_api_key_user_id"] = json!("ben");
    second["metadata"]["user_api_key_user_email"] = json!("ben@acme.example");
    post(&server, LITELLM, &token, JSON, json!([first, second]).to_string().as_bytes()).ok();
    assert_eq!(labels(&server, "acme", "project"), [pair("t1", "Website")]);
    assert_eq!(labels(&server, "acme", "apiKey"), [pair("hash-1", "Alias"), pair("hash-2", "Alias")]);
    assert_eq!(labels(&server, "acme", "user"), [pair("ben", "ben@acme.example"), pair("u-1", "Ada")]);
    // The operator has the last word, and keeps it.
    server
        .put(
            "/v1/directory",
            OPERATOR,
            &json!({"apiKeys": [{"id": "hash-1", "projectId": "t1", "description": "Shop"}]}),
        )
        .ok();
    let etag = || {
        let path = "/analytics/activity?organizationId=acme&from=2026-06-01&to=2026-06-02";
        server.get(path, OPERATOR).ok().header("etag").to_owned()
    };
    let before = etag();
    assert_eq!(post(&server, LITELLM, &token, JSON, first.to_string().as_bytes()).ok().json()["duplicates"], 1);
    assert_eq!(labels(&server, "acme", "apiKey")[0], pair("hash-1", "Shop"));
    assert_eq!(etag(), before, "names that are known write nothing");
}

#[test]
fn bad_events_are_told_and_bad_bodies_refused() {
    let server = Server::start();
    let token = server.token(&json!({"kind": "ingest", "organizationId": "acme"}));
    let spans: Vec<Value> = (0..6)
        .map(|i| {
            span(
                &format!("0000000{i}"),
                &json!({"gen_ai.usage.input_tokens": if i == 0 { "1" } else { "1000000000001" }}),
            )
        })
        .collect();
    let answer = post(&server, TRACES, &token, JSON, &traces(&spans)).ok();
    assert_eq!(answer.header("content-type"), JSON);
    assert_eq!(answer.json()["partialSuccess"]["rejectedSpans"], "5");
    assert!(answer.text.contains("at most 1000000000000 is allowed") && answer.text.contains('…'), "{}", answer.text);
    assert_eq!(Sums::of(&server, "acme").requests, 1);
    assert!(server.log.lock().unwrap().contains("events were not taken"), "what is lost is logged");

    for path in [TRACES, LOGS, METRICS] {
        post(&server, path, &token, "text/plain", b"")
            .is_problem(415, "send application/x-protobuf or application/json");
        post(&server, path, &token, PROTOBUF, b"\x0a\xff").is_problem(400, "not valid OTLP");
        post(&server, path, &token, JSON, b"[1]").is_problem(400, "an object is expected");
        // OpenRouter saves a destination only if an empty post is taken.
        let headers = [("authorization", &*bearer(&token)), ("content-type", JSON), ("x-test-connection", "true")];
        assert_eq!(server.send("POST", path, &headers, b"").ok().text, "{}");
        assert_eq!(post(&server, path, &token, PROTOBUF, b"").ok().text, "");
    }
    post(&server, LITELLM, &token, JSON, b"").is_problem(400, "the body is empty");
    post(&server, LITELLM, &token, JSON, b"[{").is_problem(400, "not valid JSON");
    let many = format!("[{}1]", "1,".repeat(500_000));
    post(&server, LITELLM, &token, JSON, many.as_bytes()).is_problem(413, "more than 500000 events");
    let large = gzip(&vec![b' '; 65 << 20]);
    let headers = [("authorization", &*bearer(&token)), ("content-type", JSON), ("content-encoding", "gzip")];
    for path in [LITELLM, LLMGATEWAY, TRACES, LOGS, METRICS] {
        server.send("POST", path, &headers, &large).is_problem(413, "67108864 bytes");
    }
    // Deep and wide, and empty: none of it is kept.
    let deep = format!("{}{}", "[".repeat(300_000), "]".repeat(300_000));
    let mut payload = litellm_payload("deep", &json!({"messages": "DEEP"})).to_string();
    payload = payload.replace("\"DEEP\"", &deep);
    assert_eq!(post(&server, LITELLM, &token, JSON, payload.as_bytes()).ok().json()["accepted"], 1);
    let empty_spans: Vec<u8> = [0x12, 0].repeat(2_000_000);
    let mut scope = vec![0x12];
    scope.extend(varint(empty_spans.len()));
    scope.extend(empty_spans);
    let mut body = vec![0x0a];
    body.extend(varint(scope.len()));
    body.extend(scope);
    assert_eq!(post(&server, TRACES, &token, PROTOBUF, &body).ok().text, "");
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

#[test]
fn prompts_are_neither_stored_nor_logged() {
    const MARKER: &str = "MARKER-of-a-prompt-7f3a91";
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_logging(directory.path(), OPERATOR, "trace");
    let token = server.token(&json!({"kind": "ingest", "organizationId": "acme"}));
    let said = format!("please {MARKER} thank you");
    let messages = json!([{"role": "user", "content": said}]);
    let failure = json!({"error_code": "500", "error_message": said, "traceback": said, "llm_provider": "openai"});
    let extra = json!({"messages": messages, "response": {"choices": messages}, "error_str": said, "error_information": failure,
                       "model_parameters": {"tools": said}, "end_user": said});
    let mut requester = litellm_payload("2", &extra);
    requester["metadata"]["requester_metadata"] = json!({"headers": {"x": said}, "prompt": said});
    requester["status"] = json!("failure");
    let bad = litellm_payload("3", &json!({"messages": messages, "startTime": [said], "prompt_tokens": {"a": said}}));
    let bodies = [
        (LITELLM, json!([litellm_payload("1", &extra), requester, bad, said, [said]])),
        (LITELLM, json!(said)),
        (
            LLMGATEWAY,
            json!({"source": said, "events": [
            logged("1", &json!({"messages": messages, "content": said, "errorDetails": {"message": said}})),
            logged("2", &json!({"messages": messages, "promptTokens": [said]})), said]}),
        ),
        (LLMGATEWAY, json!({"events": said})),
        (LLMGATEWAY, json!({"id": "test-1", "test": true, "message": said})),
    ];
    for (path, body) in &bodies {
        let answer = post(&server, path, &token, JSON, body.to_string().as_bytes());
        assert!(!answer.text.contains(MARKER), "{path} repeats it: {}", answer.text);
    }
    let prompts = json!({
        "gen_ai.input.messages": said, "gen_ai.output.messages": said, "llm.input_messages.0.message.content": said,
        "input.value": said, "output.value": said, "gen_ai.prompt.0.content": said, "exception.message": said,
        "llm.invocation_parameters": json!({"prompt": said}).to_string(), "gen_ai.system_instructions": said});
    let mut told = span("00000001", &prompts);
    told["name"] = json!(said);
    told["events"] = json!([{"name": said, "attributes": [{"key": "x", "value": {"stringValue": said}}]}]);
    told["status"] = json!({"code": 2, "message": said});
    let mut bad = span("00000002", &prompts);
    bad["startTimeUnixNano"] = json!(said);
    let record = json!({"timeUnixNano": "1780300000000000000", "body": {"stringValue": said}, "attributes": [
        {"key": "prompt", "value": {"stringValue": said}}, {"key": "request_id", "value": {"stringValue": "r"}}]});
    let mut request = record.clone();
    request["body"] = json!({"stringValue": "claude_code.api_request"});
    let logs = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record, request]}]}]});
    for (path, body) in [
        (TRACES, traces(&[told, bad, json!(said), json!([said])])),
        (TRACES, json!({"resourceSpans": said}).to_string().into_bytes()),
        (LOGS, logs.to_string().into_bytes()),
        (LOGS, json!({"resourceLogs": [{"scopeLogs": [said]}]}).to_string().into_bytes()),
        (METRICS, json!({"resourceMetrics": [said]}).to_string().into_bytes()),
    ] {
        for kind in [JSON, PROTOBUF] {
            let answer = post(&server, path, &token, kind, &body);
            assert!(!answer.text.contains(MARKER), "{path} repeats it: {}", answer.text);
        }
    }
    assert_eq!(Sums::of(&server, "acme").requests, 5, "two of LiteLLM, one of LLM Gateway, a span and a log record");
    assert_eq!(server.terminate(), Some(0));
    for file in directory.path().read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes()), "{file:?} has it");
    }
    let log = server.log.lock().unwrap();
    let leaked = log.lines().find(|line| line.contains(MARKER));
    assert!(leaked.is_none(), "the log has it: {leaked:?}");
    assert!(log.contains("events were not taken"), "it is not empty: {log}");
}
