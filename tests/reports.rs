//! What senders mean, against the built binary: each public report of a wrong figure as input, and beside it the same rule
//! with a sender and figures of our own.
//!
//! The reports' inputs are not part of the repository; where they are missing, those tests say that they skip.

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{BINARY, OPERATOR, Server, bearer, number_text};

const REPORTS: &str = "../shared/data/reports";
const LITELLM: &str = "/v1/ingest/litellm";
const LLMGATEWAY: &str = "/v1/ingest/llmgateway";
const TRACES: &str = "/v1/otlp/v1/traces";
const LOGS: &str = "/v1/otlp/v1/logs";
const EVENTS: &str = "/v1/events";
/// 2026-11-28T10:00:00Z, in seconds.
const MORNING: u64 = 1_795_860_000;

/// The folder of a report, or nothing and a line that says so.
fn report(name: &str) -> Option<PathBuf> {
    let folder = Path::new(REPORTS).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    // Past the capture of output, so that it is seen.
    let line = format!("SKIPPED: {} is not here; what was reported is not part of the repository\n", folder.display());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    None
}

/// An organization of its own on a server, so that each case stands alone.
struct Place<'a> {
    server: &'a Server,
    organization: &'a str,
    token: String,
}

impl<'a> Place<'a> {
    fn new(server: &'a Server, organization: &'a str) -> Place<'a> {
        let token = server.token(&json!({"kind": "ingest", "organizationId": organization, "projectId": "p",
            "apiKeyId": "k", "label": "test"}));
        Place { server, organization, token }
    }

    fn post(&self, door: &str, body: &[u8]) {
        let kind = if body.first().is_some_and(|first| b"[{".contains(first)) {
            "application/json"
        } else {
            "application/x-protobuf"
        };
        let headers = [("authorization", &*bearer(&self.token)), ("content-type", kind)];
        let answer = self.server.send("POST", door, &headers, body).ok();
        // Of these bodies everything is understood.
        assert!(!answer.text.contains("errorMessage") && !answer.text.contains("\"error\""), "{}", answer.text);
    }

    fn totals(&self) -> (Value, String) {
        let query = format!("organizationId={}&from=2026-11-20&to=2026-11-30&groupBy=none", self.organization);
        let answer = self.server.get(&format!("/analytics/activity?{query}"), OPERATOR).ok();
        let totals = answer.text.split("\"totals\":").nth(1).unwrap();
        (answer.json()["totals"].clone(), number_text(totals, "cost"))
    }

    /// Requests, input, output and unpriced requests, and the cost.
    #[track_caller]
    fn check(&self, expected: [u64; 4], cost: &str) {
        let (totals, text) = self.totals();
        let number = |field: &str| totals[field].as_u64().unwrap();
        let found = ["requestCount", "inputTokens", "outputTokens", "unpricedRequestCount"].map(number);
        assert_eq!((found, &*text), (expected, cost), "{}: {totals}", self.organization);
    }

    /// Requests by the values of a dimension.
    fn requests(&self, dimension: &str) -> Vec<(String, u64)> {
        let query = format!("organizationId={}&from=2026-11-20&to=2026-11-30&groupBy={dimension}", self.organization);
        let answer = self.server.get(&format!("/analytics/activity?{query}"), OPERATOR).ok().json();
        let of = |entry: &Value| {
            (entry["key"].as_str().unwrap_or("null").to_owned(), entry["requestCount"].as_u64().unwrap())
        };
        let mut found: Vec<_> = answer["ranking"].as_array().unwrap().iter().map(of).collect();
        found.sort();
        found
    }
}

/// Attributes of OTLP in JSON.
fn attributes(of: &Value) -> Value {
    let value = |value: &Value| match value {
        Value::String(text) => json!({"stringValue": text}),
        Value::Number(number) if number.is_i64() => json!({"intValue": number.to_string()}),
        number => json!({"doubleValue": number}),
    };
    of.as_object().unwrap().iter().map(|(key, one)| json!({"key": key, "value": value(one)})).collect()
}

/// A span of trace `t` by its number, inside of another or of none.
fn span(trace: u8, number: u8, inside: u8, of: &Value) -> Value {
    let hex = |byte: u8, times: usize| format!("{byte:02x}").repeat(times);
    let start = (MORNING + u64::from(number)) * 1_000_000_000;
    json!({"traceId": hex(trace, 16), "spanId": hex(number, 8), "name": "a span",
        "parentSpanId": if inside == 0 { String::new() } else { hex(inside, 8) },
        "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 30_000_000_000).to_string(),
        "attributes": attributes(of), "status": {}})
}

/// An export of a service by instrumentations.
fn export(service: &str, scopes: &[(&str, Vec<Value>)]) -> Vec<u8> {
    let scopes: Vec<Value> =
        scopes.iter().map(|(name, spans)| json!({"scope": {"name": name}, "spans": spans})).collect();
    json!({"resourceSpans": [{"resource": {"attributes": attributes(&json!({"service.name": service}))},
        "scopeSpans": scopes}]})
    .to_string()
    .into_bytes()
}

fn chat(extra: &Value) -> Value {
    let mut of = json!({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini", "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100});
    of.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    of.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    of
}

/// One span of a service, alone in its trace.
fn one(of: &Value) -> Vec<u8> {
    export("svc", &[("scope", vec![span(1, 1, 0, of)])])
}

fn litellm(number: u64, extra: &Value) -> Value {
    let mut of = json!({"id": format!("resp-{number}"), "litellm_call_id": format!("call-{number}"),
        "call_type": "acompletion", "status": "success", "startTime": MORNING + number, "model": "gpt-4o-mini",
        "custom_llm_provider": "openai", "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
        "response_cost": 0.00021, "metadata": {"user_api_key_hash": "k-1"}});
    of.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    of
}

fn event(id: &str, extra: &Value) -> Value {
    let mut of = json!({"id": id, "timestamp": "2026-11-28T10:00:00Z", "usedModel": "gpt-4o-mini",
        "usedProvider": "openai", "promptTokens": 1000, "completionTokens": 100});
    of.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    of.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    of
}

/// Loads a file into a store of its own and gives what a question about it answers.
fn loaded(file: &Path, arguments: &[&str]) -> Value {
    let store = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(BINARY)
            .args(arguments)
            .arg("--data-dir")
            .arg(store.path())
            .env_remove("ROLLCALL_TOKEN")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&[&["ingest", file.to_str().unwrap(), "--organization", "acme", "--set", "apiKeyId=k"], arguments].concat());
    let answer = run(&[
        "query",
        "activity",
        "--organization",
        "acme",
        "--from",
        "2026-11-20",
        "--to",
        "2026-11-30",
        "--group-by",
        "none",
        "--json",
    ]);
    serde_json::from_str(&answer).unwrap()
}

#[test]
fn reports_of_wrong_figures_come_out_right() {
    let Some(_) = report("") else { return };
    let server = Server::start();
    for (organization, door, files, expected, cost) in [
        ("01-batch-polls", LITELLM, &["body.json"][..], [1, 400_000, 50_000, 0], "0.045"),
        ("02-embed-two-spans", TRACES, &["body.json"], [1, 1_000_000, 0, 0], "0.02"),
        ("03-background-polls", TRACES, &["a-same-service.json"], [1, 10_000, 20_000, 0], "0.0135"),
        ("03-background-polls", TRACES, &["b-worker-fetches.json"], [1, 10_000, 20_000, 0], "0.0135"),
        (
            "03-background-polls",
            TRACES,
            &["a-same-service.json", "b-worker-fetches.json"],
            [1, 10_000, 20_000, 0],
            "0.0135",
        ),
        (
            "03-background-polls",
            TRACES,
            &["b-worker-fetches.json", "a-same-service.json"],
            [1, 10_000, 20_000, 0],
            "0.0135",
        ),
        ("03-background-polls", TRACES, &["c1-chat.json", "c2-reader.json"], [1, 1000, 100, 0], "0.00021"),
        ("03-background-polls", TRACES, &["c2-reader.json", "c1-chat.json"], [1, 1000, 100, 0], "0.00021"),
        ("04-nan-tokens", TRACES, &["body.json"], [4, 2000, 100, 3], "0.00021"),
        ("04-nan-tokens", TRACES, &["body.pb"], [1, 0, 0, 1], "0"),
        ("05-negative-cost", LITELLM, &["body.json"], [2, 966_828, 182, 0], "0.48626225"),
        ("07-gemini-thoughts", TRACES, &["0.json"], [1, 100, 8050, 0], "0.020155"),
        ("07-gemini-thoughts", TRACES, &["1.json"], [1, 100, 8050, 0], "0.020155"),
        ("07-gemini-thoughts", TRACES, &["2.json"], [1, 100, 309, 0], "0.0001845"),
        ("07-gemini-thoughts", LITELLM, &["litellm-total.json"], [1, 21, 8000, 0], "0.0200063"),
        ("09-flex-tier", TRACES, &["flex.json"], [1, 1_000_000, 100_000, 0], "1.125"),
        ("09-flex-tier", TRACES, &["priority.json"], [1, 1_000_000, 100_000, 0], "4.5"),
        ("09-flex-tier", TRACES, &["standard.json"], [1, 1_000_000, 100_000, 0], "2.25"),
        ("17-flat-fee-zero", LITELLM, &["body.json"], [2, 2_000_000, 0, 0], "0"),
        ("19-mcp-calls", LITELLM, &["body.json"], [1, 1000, 100, 0], "0.01021"),
        ("28-zero-cost-span", TRACES, &["body.json"], [2, 2_000_000, 0, 0], "0.3"),
    ] {
        let name = format!("{organization}/{}", files.join("+"));
        let place = Place::new(&server, &name);
        // What is posted again changes nothing.
        for file in files.iter().chain(files) {
            let body = std::fs::read(Path::new(REPORTS).join(organization).join(file)).unwrap();
            place.post(door, body.trim_ascii());
        }
        place.check(expected, cost);
    }
}

#[test]
fn report_11_providers_have_one_name_each() {
    let Some(folder) = report("11-provider-names") else { return };
    let server = Server::start();
    let place = Place::new(&server, "names");
    place.post(TRACES, &std::fs::read(folder.join("body.json")).unwrap());
    let providers = place.requests("provider");
    let expected = [
        ("anthropic", 1),
        ("azure", 3),
        ("bedrock", 4),
        ("cohere", 1),
        ("deepseek", 1),
        ("google", 2),
        ("groq", 1),
        ("mistral", 1),
        ("ollama", 2),
        ("openai", 6),
        ("openrouter", 2),
        ("vertex_ai", 2),
        ("xai", 1),
    ];
    assert_eq!(providers, expected.map(|(name, count)| (name.to_owned(), count)));
    let models: Vec<String> = place.requests("model").into_iter().map(|(model, _)| model).collect();
    for model in ["ft:gpt-4o-mini-2024-07-18", "ft:gpt-4o-2024-08-06", "llama3.1:8b", "llama3.1:70b"] {
        assert!(models.iter().any(|found| found == model), "{model}: {models:?}");
    }

    // The same usage beside an invoice.
    let place = Place::new(&server, "billed");
    place.post(TRACES, &std::fs::read(folder.join("b-span.json")).unwrap());
    let costs: Value = serde_json::from_slice(&std::fs::read(folder.join("b-costs.json")).unwrap()).unwrap();
    server.post("/v1/invoices?organizationId=billed&provider=openai", OPERATOR, &costs).ok();
    let query = "organizationId=billed&provider=openai&from=2026-11-27&to=2026-11-27";
    let answer = server.get(&format!("/analytics/reconciliation?{query}"), OPERATOR).ok().json();
    assert_eq!(answer["totals"]["cost"]["gap"].to_string(), "0", "{answer}");

    // And with a discount on what `openai` costs.
    let store = tempfile::tempdir().unwrap();
    let prices = folder.join("c-prices.json");
    let server = Server::start_set(store.path(), OPERATOR, &[("ROLLCALL_PRICES", prices.to_str().unwrap())]);
    for file in ["c-openai.json", "c-openai.responses.json"] {
        let body: Value = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
        assert_eq!(server.send_events(OPERATOR, &body)["accepted"], 1);
    }
    let place = Place { server: &server, organization: "c11c", token: String::new() };
    place.check([2, 2_000_000, 0, 0], "0.24");
}
