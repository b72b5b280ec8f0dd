//! What senders mean, against the built binary: each public report of a wrong figure as input, and beside it the same rule
//! with a sender and figures of our own.
//!
//! The reports' inputs are not part of the repository; where they are missing, those tests say that they skip.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::support::random::Random;
use crate::support::{BINARY, OPERATOR, Server, bearer, number_text};
use serde_json::{Value, json};

const REPORTS: &str = "../shared/data/reports";
const AGENTS: &str = "../shared/data/captured/agents";
const LITELLM: &str = "/v1/ingest/litellm";
const LLMGATEWAY: &str = "/v1/ingest/llmgateway";
const TRACES: &str = "/v1/otlp/v1/traces";
const LOGS: &str = "/v1/otlp/v1/logs";
const EVENTS: &str = "/v1/events";
/// 2026-11-28T10:00:00Z, in seconds.
const MORNING: u64 = 1_795_860_000;

/// The folder of a report, or nothing and a line that says so.
fn report(name: &str) -> Option<PathBuf> {
    folder(Path::new(REPORTS).join(name))
}

fn folder(folder: PathBuf) -> Option<PathBuf> {
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
        ("05-negative-cost", LITELLM, &["body.json"], [2, 966_828, 182, 0], "0.48647225"),
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
        let name = format!("{organization}/{}", files.join("_"));
        let place = Place::new(&server, &name);
        // What is posted again changes nothing.
        for file in files.iter().chain(files) {
            let body = std::fs::read(Path::new(REPORTS).join(organization).join(file)).unwrap();
            place.post(door, &body);
        }
        place.check(expected, cost);
    }
}

#[test]
fn reports_of_wrong_figures_in_files_come_out_right() {
    let Some(_) = report("") else { return };
    for (folder, file, arguments, expected) in [
        (
            "02-embed-two-spans",
            "langfuse.jsonl",
            &["--format", "langfuse", "--set", "usedProvider=openai"][..],
            [1, 1_000_000, 0],
        ),
        ("06-openrouter-byok", "generations.json", &["--format", "openrouter"], [2, 21_353, 270]),
    ] {
        let store = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| {
            let mut command = std::process::Command::new(BINARY);
            let output = command.args(arguments).arg("--data-dir").arg(store.path()).output().unwrap();
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let file = Path::new(REPORTS).join(folder).join(file);
        let common = ["ingest", file.to_str().unwrap(), "--organization", "acme", "--set", "apiKeyId=k"];
        run(&[&common[..], arguments].concat());
        let query = ["query", "activity", "--organization", "acme", "--from", "2026-11-20", "--to", "2026-11-30"];
        let answer = run(&[&query[..], &["--group-by", "none", "--json"]].concat());
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let totals = &answer["totals"];
        let found = ["requestCount", "inputTokens", "outputTokens"].map(|field| totals[field].as_u64().unwrap());
        assert_eq!(found, expected, "{folder}: {totals}");
        if folder.starts_with("06") {
            let paid = ["apiKeysCost", "creditsCost"].map(|field| totals[field].to_string());
            assert_eq!(paid, ["0.0360795", "0.02"], "{totals}");
        } else {
            assert_eq!(totals["cost"].to_string(), "0.02", "{totals}");
        }
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
    let query = "organizationId=names&from=2026-11-20&to=2026-11-30&provider=openai.responses";
    let filtered = server.get(&format!("/analytics/activity?{query}"), OPERATOR).ok().json();
    assert_eq!(filtered["totals"]["requestCount"], 6, "a filter takes any of a provider's names");
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

/// A name, bodies for doors, and what [`Place::check`] expects.
type Case<'a> = (&'a str, &'a [(&'a str, Vec<u8>)], [u64; 4], &'a str);

/// Checks bodies for doors, each case in an organization of its own; posted twice, for repetition changes nothing.
fn check_all(cases: &[Case<'_>]) {
    let server = Server::start();
    for (name, bodies, expected, cost) in cases {
        let place = Place::new(&server, name);
        for (door, body) in bodies.iter().chain(bodies.iter()) {
            place.post(door, body);
        }
        place.check(*expected, cost);
        // Nor does the order of posts.
        let reversed = format!("{name}-reversed");
        let place = Place::new(&server, &reversed);
        for (door, body) in bodies.iter().rev() {
            place.post(door, body);
        }
        place.check(*expected, cost);
    }
    // Nor do others in between, in any order and any number of times.
    let mut random = Random(0x5eed);
    let places: Vec<String> = cases.iter().map(|(name, ..)| format!("{name}-mixed")).collect();
    let places: Vec<Place<'_>> = places.iter().map(|name| Place::new(&server, name)).collect();
    let mut posts: Vec<(usize, usize)> = Vec::new();
    for (case, (_, bodies, ..)) in cases.iter().enumerate() {
        for body in 0..bodies.len() {
            let times = 1 + random.below(3) as usize;
            posts.extend(std::iter::repeat_n((case, body), times));
        }
    }
    while !posts.is_empty() {
        let (case, body) = posts.swap_remove(random.below(posts.len() as u64) as usize);
        let (door, body) = &cases[case].1[body];
        places[case].post(door, body);
    }
    for (place, (_, _, expected, cost)) in places.iter().zip(cases) {
        place.check(*expected, cost);
    }
}

fn body(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[test]
fn a_call_that_is_told_of_more_than_once_is_one_request() {
    let tokens = |input: Option<u64>, output: Option<u64>| json!({"gen_ai.usage.input_tokens": input, "gen_ai.usage.output_tokens": output});
    let embedding = |input: Option<u64>| {
        let mut of = chat(&tokens(input, None));
        of["gen_ai.operation.name"] = json!("embeddings");
        of["gen_ai.request.model"] = json!("text-embedding-3-small");
        of
    };
    let inference = |kind: &str, extra: &Value| {
        let mut of = json!({"openinference.span.kind": kind, "llm.system": "openai", "llm.model_name": "gpt-4o-mini"});
        of.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        of
    };
    let counted = json!({"llm.token_count.prompt": 1000, "llm.token_count.completion": 100});
    let answer = |id: &str, extra: &Value| {
        let mut of = chat(extra);
        of["gen_ai.response.id"] = json!(id);
        of
    };
    let fetch = |id: &str, extra: &Value| {
        let mut of = answer(id, extra);
        of["gen_ai.operation.name"] = json!("retrieve_response");
        of
    };
    let untold = tokens(None, None);
    let batch = |poll: u64, extra: &Value| {
        let mut of = litellm(100 + poll * 600, extra);
        of["id"] = json!("batch_9");
        of["call_type"] = json!("retrieve_batch");
        of
    };
    let background = |number: u64, call_type: &str, tokens: (u64, u64), cost: f64| {
        let mut of = litellm(
            number,
            &json!({"prompt_tokens": tokens.0, "completion_tokens": tokens.1,
            "total_tokens": tokens.0 + tokens.1, "response_cost": cost}),
        );
        of["id"] = json!("resp_bg9");
        of["call_type"] = json!(call_type);
        of
    };
    let claude_log = |request: &str| {
        let of = json!({"event.name": "api_request", "model": "claude-sonnet-4-5-20250929", "input_tokens": 500,
            "output_tokens": 40, "cache_read_tokens": 1200, "cache_creation_tokens": 300, "cost_usd": 0.003585,
            "duration_ms": 80, "request_id": request, "user.email": "mina@example.com"});
        body(
            &json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": (MORNING * 1_000_000_000).to_string(),
            "body": {"stringValue": "claude_code.api_request"}, "attributes": attributes(&of)}]}]}]}),
        )
    };
    let claude_span = |request: &str| {
        let of = json!({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic",
            "model": "claude-sonnet-4-5-20250929", "gen_ai.request.model": "claude-sonnet-4-5-20250929",
            "input_tokens": 500, "output_tokens": 40, "cache_read_tokens": 1200, "cache_creation_tokens": 300,
            "gen_ai.usage.input_tokens": 2000, "gen_ai.usage.output_tokens": 40, "request_id": request,
            "gen_ai.response.id": request, "organization.id": "99-at-anthropic", "user.email": "mina@example.com"});
        export("claude-code", &[("com.anthropic.claude_code.tracing", vec![span(9, 9, 0, &of)])])
    };
    check_all(&[
        // An embedding of many texts in two requests, and what asked for it.
        (
            "embed-many",
            &[(
                TRACES,
                export(
                    "svc",
                    &[(
                        "ai",
                        vec![
                            span(1, 1, 0, &embedding(Some(500))),
                            span(1, 2, 1, &embedding(Some(300))),
                            span(1, 3, 1, &embedding(Some(200))),
                        ],
                    )],
                ),
            )],
            [2, 500, 0, 0],
            "0.00001",
        ),
        // The outer span has not been told the tokens.
        (
            "outer-untold",
            &[(
                TRACES,
                export("svc", &[("ai", vec![span(1, 1, 0, &embedding(None)), span(1, 2, 1, &embedding(Some(44)))])]),
            )],
            [1, 44, 0, 0],
            "0.00000088",
        ),
        // A framework's span, a chain, and the SDK's own inside of it, by two instrumentations.
        (
            "nested-llm",
            &[(
                TRACES,
                export(
                    "svc",
                    &[
                        (
                            "openinference.instrumentation.langchain",
                            vec![
                                span(1, 1, 0, &inference("LLM", &counted)),
                                span(1, 2, 1, &inference("CHAIN", &json!({}))),
                            ],
                        ),
                        ("openinference.instrumentation.openai", vec![span(1, 3, 2, &inference("LLM", &counted))]),
                    ],
                ),
            )],
            [1, 1000, 100, 0],
            "0.00021",
        ),
        // Neither is inside the other; the same at the same time in one trace.
        (
            "side-by-side",
            &[(
                TRACES,
                export(
                    "svc",
                    &[
                        ("instrumentation.a", vec![span(1, 1, 0, &chat(&json!({})))]),
                        ("instrumentation.b", vec![span(1, 2, 0, &inference("LLM", &counted))]),
                    ],
                ),
            )],
            [1, 1000, 100, 0],
            "0.00021",
        ),
        // One instrumentation tells the same twice: two calls. So does it in two traces.
        (
            "two-alike",
            &[
                (
                    TRACES,
                    export("svc", &[("a", vec![span(1, 1, 0, &chat(&json!({}))), span(1, 2, 0, &chat(&json!({})))])]),
                ),
                (TRACES, export("svc", &[("b", vec![span(2, 3, 0, &chat(&json!({})))])])),
            ],
            [3, 3000, 300, 0],
            "0.00063",
        ),
        // A tool that a call asked for calls a model itself.
        (
            "tool-inside",
            &[(
                TRACES,
                export(
                    "svc",
                    &[(
                        "a",
                        vec![
                            span(1, 1, 0, &chat(&json!({}))),
                            span(1, 2, 1, &json!({"gen_ai.operation.name": "execute_tool"})),
                            span(1, 3, 2, &chat(&json!({}))),
                        ],
                    )],
                ),
            )],
            [2, 2000, 200, 0],
            "0.00042",
        ),
        // An agent's step with the sum of its calls under an operation of its own.
        (
            "agent-step",
            &[(
                TRACES,
                export(
                    "svc",
                    &[(
                        "a",
                        vec![
                            span(
                                1,
                                1,
                                0,
                                &chat(&json!({"gen_ai.usage.input_tokens": 2000, "gen_ai.usage.output_tokens": 200})),
                            ),
                            span(1, 2, 1, &chat(&json!({}))),
                            span(1, 3, 1, &chat(&json!({}))),
                        ],
                    )],
                ),
            )],
            [2, 2000, 200, 0],
            "0.00042",
        ),
        // An answer made in the background, by one service, and asked for by another.
        (
            "background",
            &[
                (TRACES, export("web", &[("a", vec![span(1, 1, 0, &answer("resp_x7", &untold))])])),
                (TRACES, export("worker", &[("a", vec![span(2, 2, 0, &fetch("resp_x7", &untold))])])),
                (TRACES, export("worker", &[("a", vec![span(3, 3, 0, &fetch("resp_x7", &json!({})))])])),
                (TRACES, export("other", &[("a", vec![span(4, 4, 0, &fetch("resp_x7", &json!({})))])])),
            ],
            [1, 1000, 100, 0],
            "0.00021",
        ),
        (
            "background-litellm",
            &[
                (LITELLM, body(&background(1, "aresponses", (0, 0), 0.0))),
                (LITELLM, body(&background(60, "aget_responses", (0, 0), 0.0))),
                (LITELLM, body(&background(120, "aget_responses", (3000, 400), 0.00069))),
                (LITELLM, body(&background(180, "aget_responses", (3000, 400), 0.00069))),
            ],
            [1, 3000, 400, 0],
            "0.00069",
        ),
        // Of a batch that is looked at each is told, in a post of its own, and what it cost is not.
        (
            "batch",
            &[
                (
                    LITELLM,
                    body(&batch(
                        0,
                        &json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "response_cost": 0.0}),
                    )),
                ),
                (LITELLM, body(&batch(1, &json!({"response_cost": null})))),
                (LITELLM, body(&batch(2, &json!({"response_cost": null})))),
            ],
            [1, 1000, 100, 0],
            "0.000105",
        ),
        // Ollama draws a number below a thousand for its answers.
        (
            "ollama",
            &[
                (TRACES, export("svc", &[("a", vec![span(1, 1, 0, &answer("chatcmpl-742", &json!({})))])])),
                (TRACES, export("svc", &[("a", vec![span(2, 2, 0, &answer("chatcmpl-742", &json!({})))])])),
            ],
            [2, 2000, 200, 0],
            "0.00042",
        ),
        // Attempts of a fallback share the call's id; what failed is one request, what was paid another.
        (
            "fallback",
            &[(
                LITELLM,
                body(&json!([
                    litellm(
                        1,
                        &json!({"litellm_call_id": "c", "status": "failure", "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "response_cost": 0})
                    ),
                    litellm(2, &json!({"litellm_call_id": "c"})),
                ])),
            )],
            [2, 1000, 100, 0],
            "0.00021",
        ),
        // Claude Code's logs beside its traces.
        ("claude-code", &[(LOGS, claude_log("req_1")), (TRACES, claude_span("req_1"))], [1, 2000, 40, 0], "0.003585"),
    ]);
}

#[test]
fn tokens_mean_the_same_by_every_door() {
    let gemini = |extra: &Value| {
        let mut of = chat(extra);
        of["gen_ai.provider.name"] = json!("gcp.vertex_ai");
        of["gen_ai.request.model"] = json!("gemini-2.5-flash");
        of
    };
    let thoughts = |output: u64, reasoning: u64| {
        gemini(&json!({"gen_ai.usage.output_tokens": output, "gen_ai.usage.reasoning.output_tokens": reasoning}))
    };
    let gateway = |extra: &Value| {
        let mut of = json!({"id": "log-1", "type": "request_log", "timestamp": "2026-11-28T10:00:00Z",
            "projectId": "p", "apiKeyId": "k", "usedModel": "openai/gpt-4o-mini", "usedProvider": "openai",
            "promptTokens": 1000, "completionTokens": 100, "cost": null, "hasError": false});
        of.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body(&json!({"stream": "s", "source": "request_logs", "events": [of]}))
    };
    let sonnet = |extra: &Value| {
        let mut of = chat(extra);
        of["gen_ai.provider.name"] = json!("anthropic");
        of["gen_ai.request.model"] = json!("claude-sonnet-4-5");
        of
    };
    check_all(&[
        // Vertex AI counts thoughts beside the answer even where they would fit in.
        ("thoughts-beside", &[(TRACES, one(&thoughts(900, 100)))], [1, 1000, 1000, 0], "0.0028"),
        // Google's own kit and pydantic-ai count them within.
        (
            "thoughts-within",
            &[(TRACES, export("svc", &[("gcp.vertex.agent", vec![span(1, 1, 0, &thoughts(900, 100))])]))],
            [1, 1000, 900, 0],
            "0.00255",
        ),
        // A total decides against what the provider does.
        (
            "thoughts-by-total",
            &[(
                TRACES,
                one(&gemini(&json!({"gen_ai.usage.output_tokens": 900, "gen_ai.usage.thoughts_tokens": 100,
                "gen_ai.usage.total_tokens": 1900}))),
            )],
            [1, 1000, 900, 0],
            "0.00255",
        ),
        // At OpenRouter reasoning can exceed the output a little, and is within it.
        (
            "openrouter-reasoning",
            &[(
                TRACES,
                one(&chat(&json!({"gen_ai.provider.name": "openrouter", "gen_ai.request.model": "openai/gpt-4o-mini",
                "gen_ai.usage.reasoning_tokens": 103}))),
            )],
            [1, 1000, 100, 0],
            "0.00021",
        ),
        // Cached tokens beside the input, as a total proves; and as one that is larger than the input proves for both.
        (
            "cache-by-total",
            &[(
                TRACES,
                one(&sonnet(&json!({"gen_ai.usage.input_tokens": 500, "gen_ai.usage.output_tokens": 40,
                "gen_ai.usage.cache_read.input_tokens": 300, "gen_ai.usage.cache_creation.input_tokens": 100,
                "gen_ai.usage.total_tokens": 940}))),
            )],
            [1, 900, 40, 0],
            "0.002565",
        ),
        (
            "cache-by-another-call",
            &[(
                TRACES,
                export(
                    "svc",
                    &[(
                        "raw",
                        vec![
                            span(1, 1, 0, &sonnet(&json!({"gen_ai.usage.cache_read.input_tokens": 9000}))),
                            span(2, 2, 0, &sonnet(&json!({"gen_ai.usage.cache_read.input_tokens": 600}))),
                        ],
                    )],
                ),
            )],
            [2, 11_600, 200, 0],
            "0.01188",
        ),
        // More in all than the kinds that are named.
        (
            "a-kind-without-a-name",
            &[(TRACES, one(&chat(&json!({"gen_ai.usage.total_tokens": 8150}))))],
            [1, 1000, 100, 1],
            "0",
        ),
        // Half is not known.
        ("no-output", &[(TRACES, one(&chat(&json!({"gen_ai.usage.output_tokens": null}))))], [1, 1000, 0, 1], "0"),
        (
            "no-output-but-total",
            &[(TRACES, one(&chat(&json!({"gen_ai.usage.output_tokens": null, "gen_ai.usage.total_tokens": 1100}))))],
            [1, 1000, 100, 0],
            "0.00021",
        ),
        // The same rules at the other doors.
        (
            "events-by-total",
            &[(
                EVENTS,
                body(&event(
                    "e1",
                    &json!({"usedProvider": "xai", "usedModel": "grok-3-mini", "completionTokens": 9,
                "promptTokens": 100, "reasoningTokens": 300, "totalTokens": 409}),
                )),
            )],
            [1, 100, 309, 0],
            "0.0001845",
        ),
        (
            "events-cache",
            &[(EVENTS, body(&event("e1", &json!({"cachedTokens": 3000}))))],
            [1, 4000, 100, 0],
            "0.000435",
        ),
        (
            "gateway-thoughts",
            &[(LLMGATEWAY, gateway(&json!({"reasoningTokens": 800, "totalTokens": 1900})))],
            [1, 1000, 900, 0],
            "0.00069",
        ),
        ("gateway-negative", &[(LLMGATEWAY, gateway(&json!({"cost": -0.5})))], [1, 1000, 100, 0], "0.00021"),
        ("gateway-untold", &[(LLMGATEWAY, gateway(&json!({"completionTokens": null})))], [1, 1000, 0, 1], "0"),
    ]);
}

#[test]
fn prices_fit_the_call() {
    let gpt_5 = |extra: &Value| {
        let mut of = event("e1", extra);
        of["usedModel"] = json!("gpt-5");
        of["promptTokens"] = json!(1_000_000);
        of["completionTokens"] = json!(100_000);
        body(&of)
    };
    let tier = |name: &str, of: &Value| {
        let mut extra = of.clone();
        extra["gen_ai.openai.response.service_tier"] = json!(name);
        one(&chat(&extra))
    };
    let large = json!({"gen_ai.request.model": "gpt-5", "gen_ai.usage.input_tokens": 1_000_000, "gen_ai.usage.output_tokens": 100_000});
    let million = [1, 1_000_000, 100_000, 0];
    let free = json!({"input_cost": 0.0, "output_cost": 0.0, "total_cost": 0.0});
    let untold = |extra: &Value| {
        let mut of = litellm(
            1,
            &json!({"response_cost": 0.0, "cost_breakdown": free,
            "model_map_information": {"model_map_key": "my-deploy", "model_map_value": {"input_cost_per_token": 0, "output_cost_per_token": 0}}}),
        );
        of.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body(&of)
    };
    let byok = |own: bool| {
        body(&litellm(
            1,
            &json!({"custom_llm_provider": "openrouter", "model": "openai/gpt-4o-mini", "response_cost": 0.001,
            "metadata": {"usage_object": {"is_byok": own, "cost_details": {"upstream_inference_cost": 0.02}}}}),
        ))
    };
    check_all(&[
        ("event-flex", &[(EVENTS, gpt_5(&json!({"serviceTier": "flex"})))], million, "1.125"),
        ("event-batch", &[(EVENTS, gpt_5(&json!({"serviceTier": "batch"})))], million, "1.125"),
        ("event-standard", &[(EVENTS, gpt_5(&json!({"serviceTier": "standard"})))], million, "2.25"),
        // Azure serves what OpenAI's list names, and has tiers of its own.
        (
            "azure-flex",
            &[(EVENTS, gpt_5(&json!({"serviceTier": "flex", "usedProvider": "azure"})))],
            [1, 1_000_000, 100_000, 1],
            "0",
        ),
        ("span-in-capitals", &[(TRACES, tier("FLEX", &large))], million, "1.125"),
        ("span-auto", &[(TRACES, tier("auto", &large))], million, "2.25"),
        ("span-unheard-of", &[(TRACES, tier("scale", &large))], [1, 1_000_000, 100_000, 1], "0"),
        // A tier that the list does not have for the model is not the usual price.
        ("no-such-tier", &[(EVENTS, body(&event("e1", &json!({"serviceTier": "flex"}))))], [1, 1000, 100, 1], "0"),
        // One hour in the cache is twice the input.
        (
            "one-hour",
            &[(
                EVENTS,
                body(&event(
                    "e1",
                    &json!({"usedProvider": "anthropic", "usedModel": "claude-sonnet-4-5", "completionTokens": 0,
                "cacheWriteTokens": 1000, "cacheWrite1hTokens": 600}),
                )),
            )],
            [1, 1000, 0, 0],
            "0.0051",
        ),
        (
            "sound",
            &[(
                EVENTS,
                body(&event(
                    "e1",
                    &json!({"usedModel": "gpt-audio", "audioInputTokens": 1000, "audioOutputTokens": 50}),
                )),
            )],
            [1, 1000, 100, 0],
            "0.0357",
        ),
        (
            "sound-without-a-price",
            &[(EVENTS, body(&event("e1", &json!({"usedModel": "gpt-4o", "audioInputTokens": 10}))))],
            [1, 1000, 100, 1],
            "0",
        ),
        // What a framework stands for is told by the model.
        (
            "framework",
            &[(TRACES, one(&chat(&json!({"gen_ai.provider.name": "strands-agents"}))))],
            [1, 1000, 100, 0],
            "0.00021",
        ),
        ("nobody", &[(TRACES, one(&chat(&json!({"gen_ai.provider.name": null}))))], [1, 1000, 100, 0], "0.00021"),
        // LiteLLM made up an entry of 0 for a deployment that nobody told it the price of; gpt-4o-mini's it knows.
        (
            "made-up-zero",
            &[(LITELLM, untold(&json!({"model": "my-deploy", "custom_llm_provider": "azure"})))],
            [1, 1000, 100, 1],
            "0",
        ),
        (
            "capacity",
            &[(
                LITELLM,
                untold(&json!({"model_map_information": {"model_map_key": "gpt-4o-mini",
            "model_map_value": {"input_cost_per_token": 0, "output_cost_per_token": 0}}})),
            )],
            [1, 1000, 100, 0],
            "0",
        ),
        (
            "failed-to-price",
            &[(
                LITELLM,
                untold(
                    &json!({"model_map_information": null, "response_cost_failure_debug_info": {"error_str": "not mapped"}}),
                ),
            )],
            [1, 1000, 100, 0],
            "0.00021",
        ),
        ("own-key", &[(LITELLM, byok(true))], [1, 1000, 100, 0], "0.021"),
        ("not-own-key", &[(LITELLM, byok(false))], [1, 1000, 100, 0], "0.001"),
        // Costs below 0 by other doors.
        ("negative-span", &[(TRACES, one(&chat(&json!({"gen_ai.usage.cost": -1.5}))))], [1, 1000, 100, 0], "0.00021"),
    ]);
}

#[test]
fn what_is_no_call_of_a_model_is_no_request() {
    let none = |operation: &str| chat(&json!({"gen_ai.operation.name": operation}));
    let other = |number: u64, call_type: &str, cost: f64| {
        litellm(
            number,
            &json!({"call_type": call_type, "model": "", "custom_llm_provider": null, "prompt_tokens": 0,
            "completion_tokens": 0, "total_tokens": 0, "response_cost": cost}),
        )
    };
    let spans: Vec<Value> = [
        "invoke_agent",
        "agent_step",
        "create_agent",
        "execute_tool",
        "invoke_workflow",
        "mcp.list_tools",
        "tools/call",
        "list_models",
        "retrieval",
        "user_prompt",
        "upload_file",
        "create_batch",
    ]
    .iter()
    .zip(1..)
    .map(|(operation, number)| span(number, number, 0, &none(operation)))
    .collect();
    let calls: Vec<Value> = [
        "list_mcp_tools",
        "acreate_batch",
        "acancel_batch",
        "afile_list",
        "acreate_file",
        "avector_store_create",
        "aget_assistants",
        "acreate_thread",
        "alist_input_items",
        "adelete_responses",
    ]
    .iter()
    .zip(1..)
    .map(|(call_type, number)| other(number, call_type, 0.0))
    .collect();
    check_all(&[
        (
            "steps",
            &[(TRACES, export("svc", &[("a", spans)])), (TRACES, one(&chat(&json!({}))))],
            [1, 1000, 100, 0],
            "0.00021",
        ),
        (
            "proxy",
            &[(LITELLM, body(&json!(calls))), (LITELLM, body(&litellm(77, &json!({}))))],
            [1, 1000, 100, 0],
            "0.00021",
        ),
        // What a tool costs is money all the same.
        (
            "tools-cost",
            &[(LITELLM, body(&json!([other(1, "call_mcp_tool", 0.25), other(2, "asearch", 0.005)])))],
            [0, 0, 0, 0],
            "0.255",
        ),
    ]);
}

#[test]
fn the_model_that_answered_is_the_one_counted() {
    let server = Server::start();
    let place = Place::new(&server, "answered");
    let asked = |number: u64, model: &str, provider: &str, key: &str| {
        litellm(
            number,
            &json!({"model": model, "custom_llm_provider": provider,
            "model_map_information": {"model_map_key": key, "model_map_value": {"input_cost_per_token": 1e-7}}}),
        )
    };
    let hash = "c8be03215b0b159ae16e9c5531c045895e2dc63376d18e2ed3adaf4607ec4d7c";
    place.post(
        LITELLM,
        &body(&json!([
            asked(1, "azure/model-router", "azure", "azure/gpt-4.1-nano-2025-04-14"),
            asked(2, "azure/model-router", "azure", "azure/us/gpt-4.1-2025-04-14"),
            asked(3, "gpt-4o-mini", "openai", hash),
            asked(4, "openai/gpt-4o-mini", "openai", "openai/gpt-4o-mini"),
        ])),
    );
    let models = [("gpt-4.1-2025-04-14", 1), ("gpt-4.1-nano-2025-04-14", 1), ("gpt-4o-mini", 2)];
    assert_eq!(place.requests("model"), models.map(|(model, count)| (model.to_owned(), count)));
}

#[test]
fn what_was_priced_by_more_than_sums_stays_when_sums_are_repriced() {
    let server = Server::start();
    let place = Place::new(&server, "repriced");
    let flex = event(
        "e1",
        &json!({"usedModel": "gpt-5", "serviceTier": "flex", "promptTokens": 1_000_000, "completionTokens": 0}),
    );
    let none = event("e2", &json!({"serviceTier": "flex"}));
    place.post(EVENTS, &body(&json!([flex, none, event("e3", &json!({}))])));
    place.check([3, 1_002_000, 200, 1], "0.62521");
    let report = server
        .post("/v1/reprice", OPERATOR, &json!({"from": "2026-11-20", "to": "2026-11-29", "all": true}))
        .ok()
        .json();
    assert_eq!(report["models"].as_array().map(Vec::len), Some(1), "{report}");
    place.check([3, 1_002_000, 200, 1], "0.62521");
    assert_eq!(place.requests("costSource"), [("priced".to_owned(), 2), ("unpriced".to_owned(), 1)]);
}

#[test]
fn fields_of_an_event_that_are_not_understood_are_named() {
    let server = Server::start();
    let place = Place::new(&server, "named");
    for (extra, words) in [
        (json!({"serviceTier": "gold"}), "serviceTier is 'gold'; allowed are standard, batch, flex and priority"),
        (json!({"cacheWrite1hTokens": -1}), "cacheWrite1hTokens is -1; it must be a whole number"),
        (json!({"audioInputTokens": 1.5}), "audioInputTokens is 1.5"),
        (json!({"callId": 7}), "callId is 7; it must be a string"),
    ] {
        let answer = server.post(EVENTS, &place.token, &event("e1", &extra)).ok().json();
        let error = answer["rejected"][0]["error"].as_str().unwrap();
        assert!(error.contains(words), "{error}");
    }
    let taken = event("e2", &json!({"callId": "a-call", "serviceTier": null, "audioOutputTokens": 0}));
    assert_eq!(server.post(EVENTS, &place.token, &taken).ok().json()["accepted"], 1);
}

/// What agents and SDKs were seen to send. Those whose own records are not read yet are not among them.
#[test]
fn agents_and_sdks_are_counted_as_they_were() {
    let Some(folder) = folder(AGENTS.into()) else { return };
    let server = Server::start();
    for (name, files, expected, cost) in [
        ("logs", &["claude-code-apikey-logs.json"][..], [2, 18_300, 160, 0], "0.0177"),
        ("traces", &["claude-code-apikey-traces.json"], [2, 18_300, 160, 0], "0.0177"),
        ("protobuf", &["claude-code-apikey-traces.pb"], [2, 18_300, 160, 0], "0.0177"),
        ("both", &["claude-code-apikey-traces.json", "claude-code-apikey-logs.json"], [2, 18_300, 160, 0], "0.0177"),
        ("copilot", &["copilot-cli-openai-traces.json"], [3, 16_300, 240, 0], "0.001675"),
        ("adk", &["google-adk-traces.json"], [3, 6200, 180, 0], "0.00175704"),
        ("langchain", &["langchain-oi-traces.json"], [5, 3200, 250, 0], "0.0009205"),
        // Traced by two instrumentations, of which one is inside the other.
        ("agents-sdk", &["openai-agents-oi-openai-traces.json"], [4, 2500, 160, 0], "0.0006105"),
        ("pydantic-ai", &["pydantic-ai-agent-traces.json"], [5, 4500, 200, 0], "0.0041955"),
        ("ai-sdk-6", &["vercel-ai-sdk-6-traces.json"], [7, 5244, 290, 0], "0.00457738"),
        ("ai-sdk-7", &["vercel-ai-sdk-7-traces.json"], [7, 5244, 290, 0], "0.00457738"),
        ("opencode", &["opencode-traces.json"], [2, 5011, 183, 2], "0"),
    ] {
        let place = Place::new(&server, name);
        for file in files {
            let body = std::fs::read(folder.join(file)).unwrap();
            place.post(if file.contains("-logs") { LOGS } else { TRACES }, &body);
        }
        place.check(expected, cost);
    }
}
