//! Coding agents and SDKs: what each was seen to send, with the truth of its provider's ledger, and beside it the same
//! rules with figures of our own. Each is posted in several ways, which all come to the same.
//!
//! The captured bodies are not part of the repository; where they are missing, that test says that it skips.

use std::io::Write;
use std::path::Path;

use crate::support::otlp::{Body, Signal, attributes};
use crate::support::random::Random;
use crate::support::{OPERATOR, Server, bearer, number_text};
use serde_json::{Value, json};

const CAPTURED: &str = "../shared/data/captured/agents";
/// 2026-11-28T10:00:00Z, in seconds.
const MORNING: u64 = 1_795_860_000;
const WINDOW: &str = "from=2026-11-20&to=2026-11-30";

/// Requests, errors, client errors, input, cached, output, reasoning and unpriced requests.
type Sums = [u64; 8];

/// The ways to post some bodies. Whatever the way, they say the same.
const WAYS: [Way; 8] = [
    PLAIN,
    Way { name: "in protobuf", in_protobuf: true, ..PLAIN },
    Way { name: "twice", times: 2, ..PLAIN },
    Way { name: "last first", backwards: true, ..PLAIN },
    Way { name: "in another order", shuffled: true, in_protobuf: true, ..PLAIN },
    Way { name: "twice, in another order, last first", shuffled: true, backwards: true, times: 2, ..PLAIN },
    Way { name: "log record by log record, in another order", parts: Parts::OfLogs, shuffled: true, ..PLAIN },
    // In the order in which things ended, which is how exporters send them.
    Way { name: "record by record", parts: Parts::OfAll, ..PLAIN },
];

const PLAIN: Way =
    Way { name: "as sent", in_protobuf: false, times: 1, backwards: false, shuffled: false, parts: Parts::None };

#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    in_protobuf: bool,
    times: usize,
    /// The last body comes first.
    backwards: bool,
    shuffled: bool,
    parts: Parts,
}

/// Which records come in posts of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parts {
    None,
    OfLogs,
    OfAll,
}

impl Way {
    fn bodies(self, bodies: &[Body], random: &mut Random) -> Vec<Body> {
        let mut posts: Vec<Body> = Vec::new();
        for body in bodies {
            let body = if self.shuffled { body.shuffled(random) } else { body.clone() };
            let is_split = self.parts == Parts::OfAll || self.parts == Parts::OfLogs && body.signal == Signal::Logs;
            posts.extend(if is_split { body.split() } else { vec![body] });
        }
        if self.backwards {
            posts.reverse();
        }
        (0..self.times).flat_map(|_| posts.clone()).collect()
    }
}

/// An organization of its own, whose token names a project and no key.
struct Place<'a> {
    server: &'a Server,
    organization: String,
    token: String,
}

impl<'a> Place<'a> {
    fn new(server: &'a Server, organization: &str) -> Place<'a> {
        server.put("/v1/directory", OPERATOR, &json!({"organizations": [{"id": organization}]})).ok();
        let token = server.token(&json!({"kind": "ingest", "organizationId": organization, "projectId": "p",
            "label": "laptops"}));
        Place { server, organization: organization.to_owned(), token }
    }

    fn post(&self, body: &Body, in_protobuf: bool) {
        let (kind, bytes) = match in_protobuf {
            true => ("application/x-protobuf", body.protobuf()),
            false => ("application/json", body.json()),
        };
        self.post_bytes(body.signal, kind, &bytes);
    }

    fn post_bytes(&self, signal: Signal, kind: &str, bytes: &[u8]) {
        let headers = [("authorization", &*bearer(&self.token)), ("content-type", kind)];
        let answer = self.server.send("POST", signal.door(), &headers, bytes).ok();
        // Of these bodies everything is understood.
        let expected = if kind == "application/json" { "{}" } else { "" };
        assert_eq!(answer.text, expected, "{}", self.organization);
    }

    fn activity(&self, group: &str) -> crate::support::Answer {
        let query = format!("organizationId={}&{WINDOW}&groupBy={group}", self.organization);
        self.server.get(&format!("/analytics/activity?{query}"), OPERATOR).ok()
    }

    fn sums(&self) -> (Sums, String) {
        let answer = self.activity("none");
        let totals = answer.json()["totals"].clone();
        let fields = [
            "requestCount",
            "errorCount",
            "clientErrorCount",
            "inputTokens",
            "cachedTokens",
            "outputTokens",
            "reasoningTokens",
            "unpricedRequestCount",
        ];
        let cost = number_text(answer.text.split("\"totals\":").nth(1).unwrap(), "cost");
        (fields.map(|field| totals[field].as_u64().unwrap()), cost)
    }

    /// Requests by the values of a dimension.
    fn requests(&self, dimension: &str) -> Vec<(String, u64)> {
        let answer = self.activity(dimension).json();
        let of = |entry: &Value| {
            (entry["key"].as_str().unwrap_or("null").to_owned(), entry["requestCount"].as_u64().unwrap())
        };
        let mut found: Vec<_> = answer["ranking"].as_array().unwrap().iter().map(of).collect();
        found.sort();
        found
    }

    /// Lines of the intake ledger: result, reason, count.
    fn intake(&self) -> Vec<(String, String, u64)> {
        let path = format!("/v1/intake?organizationId={}", self.organization);
        let answer = self.server.get(&path, OPERATOR).ok().json();
        let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
        let of = |line: &Value| (text(&line["result"]), text(&line["reason"]), line["count"].as_u64().unwrap());
        answer["intake"].as_array().unwrap().iter().map(of).collect()
    }
}

/// What some bodies are to come to.
struct Truth {
    sums: Sums,
    cost: &'static str,
    /// By provider and by person.
    providers: &'static [(&'static str, u64)],
    people: &'static [(&'static str, u64)],
}

/// Posts bodies in every way, each to an organization of its own, and tells in which they come to something else.
fn differences(server: &Server, name: &str, bodies: &[Body], truth: &Truth, ways: &[Way]) -> Vec<String> {
    let mut found = Vec::new();
    let mut random = Random(name.bytes().map(u64::from).sum());
    for (number, way) in ways.iter().enumerate() {
        let place = Place::new(server, &format!("{name}.{number}").replace(' ', "."));
        for (at, body) in way.bodies(bodies, &mut random).iter().enumerate() {
            // One sender may change how it writes.
            place.post(body, way.in_protobuf != (way.parts != Parts::None && at % 2 == 1));
        }
        let owned = |of: &[(&str, u64)]| of.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect::<Vec<_>>();
        let expected = ((truth.sums, truth.cost.to_owned()), owned(truth.providers), owned(truth.people), Vec::new());
        let rejected = place.intake().into_iter().filter(|(result, ..)| result == "rejected").collect::<Vec<_>>();
        let comes_to = (place.sums(), place.requests("provider"), place.requests("user"), rejected);
        if comes_to != expected {
            found.push(format!("{name}, {}:\n   {comes_to:?}\nnot {expected:?}", way.name));
        }
    }
    found
}

const NOBODY: &str = "null";

/// A captured body by its file.
fn captured(name: &str) -> Body {
    let signal = match name {
        name if name.contains("-traces") => Signal::Traces,
        name if name.contains("-logs") => Signal::Logs,
        _ => Signal::Metrics,
    };
    let text = std::fs::read(Path::new(CAPTURED).join(name).with_extension("json")).unwrap();
    Body { signal, export: serde_json::from_slice(&text).unwrap() }
}

#[test]
fn what_agents_and_sdks_sent_is_what_their_providers_had() {
    if !Path::new(CAPTURED).is_dir() {
        // Past the capture of output, so that it is seen.
        let line = format!("SKIPPED: {CAPTURED} is not here; what clients sent is not part of the repository\n");
        return std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    let server = Server::start();
    let cases: &[(&[&str], Truth)] = &[
        (
            &["codex-exec-apikey-logs"],
            Truth {
                sums: [2, 0, 0, 10_200, 8064, 160, 64, 0],
                cost: "0.0073892",
                providers: &[("openai", 2)],
                people: &[(NOBODY, 2)],
            },
        ),
        (
            &["codex-exec-apikey-logs", "codex-exec-traces", "codex-exec-metrics"],
            Truth {
                sums: [2, 0, 0, 10_200, 8064, 160, 64, 0],
                cost: "0.0073892",
                providers: &[("openai", 2)],
                people: &[(NOBODY, 2)],
            },
        ),
        (
            &["codex-exec-traces", "codex-exec-metrics", "gemini-cli-metrics"],
            Truth { sums: [0; 8], cost: "0", providers: &[], people: &[] },
        ),
        (
            &["codex-exec-chatgpt-logs"],
            Truth {
                sums: [2, 0, 0, 14_400, 12_928, 325, 128, 0],
                cost: "0.0093884",
                providers: &[("openai", 2)],
                people: &[("mina@example.com", 2)],
            },
        ),
        (
            &["codex-exec-http500-logs"],
            Truth {
                sums: [2, 1, 0, 2000, 512, 20, 0, 0],
                cost: "0.0029736",
                providers: &[("openai", 2)],
                people: &[(NOBODY, 2)],
            },
        ),
        (
            &["codex-exec-streamerrors-logs"],
            Truth {
                sums: [3, 2, 0, 1000, 512, 20, 4, 0],
                cost: "0.0012236",
                providers: &[("openai", 3)],
                people: &[(NOBODY, 3)],
            },
        ),
        (
            &["gemini-cli-logs"],
            Truth {
                sums: [3, 1, 0, 8200, 1024, 280, 150, 0],
                cost: "0.00288352",
                providers: &[("google", 3)],
                people: &[("mina@example.com", 3)],
            },
        ),
        (
            &["gemini-cli-traces-default", "gemini-cli-logs", "gemini-cli-metrics"],
            Truth {
                sums: [3, 1, 0, 8200, 1024, 280, 150, 0],
                cost: "0.00288352",
                providers: &[("google", 3)],
                people: &[("mina@example.com", 3)],
            },
        ),
        // They come along with the logs, whether asked for or not, and know less.
        (
            &["gemini-cli-traces-default", "gemini-cli-traces-on"],
            Truth { sums: [0; 8], cost: "0", providers: &[], people: &[] },
        ),
        (
            &["qwen-code-logs"],
            Truth {
                sums: [3, 0, 1, 10_300, 7800, 200, 60, 2],
                cost: "0",
                providers: &[("openai", 3)],
                people: &[(NOBODY, 3)],
            },
        ),
        (
            &["qwen-code-traces"],
            Truth {
                sums: [3, 0, 1, 10_300, 7800, 200, 60, 2],
                cost: "0",
                providers: &[("openai", 3)],
                people: &[(NOBODY, 3)],
            },
        ),
        (
            &["qwen-code-traces", "qwen-code-logs"],
            Truth {
                sums: [3, 0, 1, 10_300, 7800, 200, 60, 2],
                cost: "0",
                providers: &[("openai", 3)],
                people: &[(NOBODY, 3)],
            },
        ),
        (&["claude-code-apikey-logs"], CLAUDE),
        (&["claude-code-apikey-traces"], CLAUDE),
        (&["claude-code-apikey-logs", "claude-code-apikey-traces"], CLAUDE),
        (
            &["opencode-traces"],
            Truth {
                sums: [2, 0, 0, 5011, 3000, 183, 60, 2],
                cost: "0",
                providers: &[("fake", 2)],
                people: &[(NOBODY, 2)],
            },
        ),
        (
            &["copilot-cli-openai-traces"],
            Truth {
                sums: [3, 1, 0, 16_300, 12_800, 240, 90, 0],
                cost: "0.001675",
                providers: &[("openai", 3)],
                people: &[(NOBODY, 3)],
            },
        ),
        (
            &["vercel-ai-sdk-6-traces"],
            Truth {
                sums: [7, 0, 1, 5244, 3000, 290, 120, 0],
                cost: "0.00457738",
                providers: &[("anthropic", 1), ("google", 1), ("openai", 5)],
                people: &[("u-1", 7)],
            },
        ),
        (
            &["vercel-ai-sdk-7-traces"],
            Truth {
                sums: [7, 0, 1, 5244, 3000, 290, 0, 0],
                cost: "0.00457738",
                providers: &[("anthropic", 1), ("google", 1), ("openai", 5)],
                people: &[(NOBODY, 7)],
            },
        ),
        (
            &["google-adk-traces"],
            Truth {
                sums: [3, 0, 1, 6200, 2048, 180, 50, 0],
                cost: "0.00175704",
                providers: &[("google", 3)],
                people: &[(NOBODY, 3)],
            },
        ),
        (
            &["langchain-oi-traces"],
            Truth {
                // Why it failed was in a text that is not in the body.
                sums: [5, 1, 0, 3200, 1800, 250, 120, 0],
                cost: "0.0009205",
                providers: &[("openai", 5)],
                people: &[(NOBODY, 5)],
            },
        ),
        (
            &["langchain-langsmith-traces"],
            Truth {
                sums: [5, 1, 0, 3200, 1800, 250, 120, 0],
                cost: "0.0009205",
                providers: &[("openai", 5)],
                people: &[(NOBODY, 5)],
            },
        ),
        (
            &["openai-agents-oi-traces"],
            Truth {
                // Of chat completions it hands on neither cached nor reasoning tokens.
                sums: [4, 0, 1, 2500, 1500, 160, 50, 0],
                cost: "0.0006405",
                providers: &[("openai", 4)],
                people: &[(NOBODY, 4)],
            },
        ),
        (
            &["openai-agents-oi-openai-traces"],
            Truth {
                sums: [4, 0, 1, 2500, 1600, 160, 60, 0],
                cost: "0.0006105",
                providers: &[("openai", 4)],
                people: &[(NOBODY, 4)],
            },
        ),
        (
            &["pydantic-ai-agent-traces"],
            Truth {
                sums: [5, 0, 1, 4500, 2800, 200, 60, 0],
                cost: "0.0041955",
                providers: &[("anthropic", 1), ("openai", 4)],
                people: &[(NOBODY, 5)],
            },
        ),
    ];
    let mut found = Vec::new();
    for (files, truth) in cases {
        let bodies: Vec<Body> = files.iter().map(|file| captured(file)).collect();
        found.extend(differences(&server, &files.join(" and "), &bodies, truth, &WAYS));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    let named: Vec<&str> = cases.iter().flat_map(|(files, _)| *files).copied().collect();
    for entry in Path::new(CAPTURED).read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        match path.extension().unwrap().to_str().unwrap() {
            "json" => assert!(named.contains(&name), "{name} is in no case"),
            // As the client wrote it: the same as our own protobuf of its JSON.
            "pb" => {
                let (as_sent, ours) =
                    (Place::new(&server, &format!("{name}.pb")), Place::new(&server, &format!("{name}.json")));
                let body = captured(name);
                as_sent.post_bytes(body.signal, "application/x-protobuf", &std::fs::read(&path).unwrap());
                ours.post(&body, false);
                assert_eq!(as_sent.sums(), ours.sums(), "{name}");
            }
            _ => {}
        }
    }
}

const CLAUDE: Truth = Truth {
    sums: [2, 0, 0, 18_300, 15_000, 160, 0, 0],
    cost: "0.0177",
    providers: &[("anthropic", 2)],
    people: &[("a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1", 2)],
};

/// Checks some cases on a server of their own.
fn check(cases: &[(&str, Vec<Body>, Truth)]) {
    let server = Server::start();
    let mut found = Vec::new();
    for (name, bodies, truth) in cases {
        // Spans of one call that share nothing but their time are one in one post only.
        let ways = if name.ends_with("twice") { &WAYS[..WAYS.len() - 1] } else { &WAYS };
        found.extend(differences(&server, name, bodies, truth, ways));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// One object with what is in both. What is `null` is no attribute.
fn with(of: &Value, extra: &Value) -> Value {
    let mut of = of.clone();
    of.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    of
}

/// A log record, so many milliseconds after the morning began.
fn log(ms: u64, of: &Value) -> Value {
    let nanos = (MORNING * 1000 + ms) * 1_000_000;
    json!({"timeUnixNano": nanos.to_string(), "observedTimeUnixNano": nanos.to_string(), "attributes": attributes(of)})
}

/// A span of a trace, inside of another or of none, a second long.
fn span(trace: u8, number: u8, inside: u8, of: &Value) -> Value {
    let hex = |byte: u8, times: usize| format!("{byte:02x}").repeat(times);
    let start = (MORNING + u64::from(number)) * 1_000_000_000;
    json!({"traceId": hex(trace, 16), "spanId": hex(number, 8), "name": "a span",
        "parentSpanId": if inside == 0 { String::new() } else { hex(inside, 8) },
        "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 1_000_000_000).to_string(),
        "attributes": attributes(of), "status": {}})
}

/// The span with a good status and events of these names.
fn with_events(mut span: Value, names: &[&str]) -> Value {
    let text = attributes(&json!({"exception.message": "Error code: 529 PROMPT exception"}));
    let event = |name: &&str| json!({"timeUnixNano": span["startTimeUnixNano"], "name": name, "attributes": text});
    span["events"] = names.iter().map(event).collect();
    span["status"] = json!({"code": 1});
    span
}

/// The span with a status that says that it failed.
fn failed(mut span: Value, message: &str) -> Value {
    span["status"] = json!({"code": 2, "message": message});
    span
}

/// A record of Codex: the attribute names it, its time is where it was observed.
fn codex(ms: u64, event: &str, extra: &Value) -> Value {
    let of = with(
        &json!({"event.name": format!("codex.{event}"), "conversation.id": "c-1", "app.version": "0.171.0",
            "originator": "codex_tui", "model": "gpt-5-mini", "slug": "gpt-5-mini"}),
        extra,
    );
    let mut record = log(ms, &of);
    record["timeUnixNano"] = json!("0");
    record["eventName"] = json!("event otel/src/events/session_telemetry.rs:1187");
    record
}

/// The record of an answer's tokens.
fn codex_answer(ms: u64, [input, cached, output, reasoning]: [u64; 4], extra: &Value) -> Value {
    let of = json!({"event.kind": "response.completed", "input_token_count": input.to_string(),
        "output_token_count": output.to_string(), "cached_token_count": cached, "cache_write_token_count": 0,
        "reasoning_token_count": reasoning, "tool_token_count": (input + output).to_string(), "ttft_ms": 5});
    codex(ms, "sse_event", &with(&of, extra))
}

fn codex_logs(records: &[Value]) -> Vec<Body> {
    vec![Body::new(Signal::Logs, &json!({"service.name": "codex_tui"}), "codex_otel.log_only", records)]
}

#[test]
fn codex_is_counted_by_the_end_of_each_try() {
    let none = json!({});
    let completed = json!({"event.kind": "response.completed"});
    let request = |ms: u64, of: Value| codex(ms, "api_request", &with(&json!({"endpoint": "/responses"}), &of));
    let openai = |sums: Sums, cost: &'static str, people: &'static [(&str, u64)]| {
        let providers: &[(&str, u64)] = match sums[0] {
            1 => &[("openai", 1)],
            2 => &[("openai", 2)],
            3 => &[("openai", 3)],
            _ => &[("openai", 4)],
        };
        Truth { sums, cost, providers, people }
    };
    check(&[
        // What is asked for before the first call is nothing; the transport's records tell nothing either.
        (
            "codex.websocket",
            codex_logs(&[
                codex(1, "websocket_connect", &json!({"success": "true", "duration_ms": "30"})),
                codex(2, "websocket_request", &json!({"success": "true", "duration_ms": "1"})),
                codex_answer(3, [0, 0, 0, 0], &none),
                codex(4, "websocket_request", &json!({"success": "true", "duration_ms": "1"})),
                codex_answer(900, [2000, 1000, 50, 10], &none),
                codex(901, "websocket_request", &json!({"success": "false", "error.message": "PROMPT"})),
                codex(902, "sse_event", &with(&completed, &json!({"error.message": "stream closed: PROMPT"}))),
            ]),
            openai([2, 1, 0, 2000, 1000, 50, 10, 0], "0.000375", &[(NOBODY, 2)]),
        ),
        // A sub-agent's calls are another conversation's, whatever they have in common.
        (
            "codex.subagent",
            codex_logs(&[
                codex_answer(5, [1000, 0, 10, 0], &none),
                codex_answer(5, [1000, 0, 10, 0], &json!({"conversation.id": "c-2"})),
                codex_answer(6, [1000, 0, 10, 0], &none),
            ]),
            openai([3, 0, 0, 3000, 0, 30, 0, 0], "0.00081", &[(NOBODY, 3)]),
        ),
        (
            "codex.failures",
            codex_logs(&[
                request(1, json!({"http.response.status_code": 500, "error.message": "http 500", "attempt": 0})),
                request(2, json!({"http.response.status_code": 400, "error.message": "http 400", "attempt": 1})),
                // Nobody answered.
                request(3, json!({"error.message": "connection refused", "attempt": 2})),
                request(4, json!({"http.response.status_code": 200, "attempt": 3})),
                codex(
                    5,
                    "api_request",
                    &json!({"endpoint": "/models", "http.response.status_code": 500, "model": null}),
                ),
                codex(6, "sse_event", &json!({"event.kind": "response.failed", "error.message": "PROMPT"})),
                codex(7, "sse_event", &with(&completed, &json!({"error.message": "PROMPT"}))),
            ]),
            openai([4, 3, 1, 0, 0, 0, 0, 0], "0", &[(NOBODY, 4)]),
        ),
        (
            "codex.signed.in",
            codex_logs(&[
                codex_answer(
                    1,
                    [1000, 0, 10, 0],
                    &json!({"user.email": "ada@acme.example", "user.account_id": "acc-1"}),
                ),
                codex_answer(2, [1000, 0, 10, 0], &json!({"user.account_id": "acc-2"})),
            ]),
            openai([2, 0, 0, 2000, 0, 20, 0, 0], "0.00054", &[("acc-2", 1), ("ada@acme.example", 1)]),
        ),
        // Neither time but the text of one, and counts as numbers, as an older version has them.
        (
            "codex.time",
            {
                let mut record = codex_answer(
                    1,
                    [0, 0, 0, 0],
                    &json!({"event.timestamp": "2026-11-28T10:00:00.5Z",
                "input_token_count": 1000, "output_token_count": 10, "tool_token_count": 1010,
                "cached_token_count": null, "reasoning_token_count": null, "model": null}),
                );
                record["observedTimeUnixNano"] = json!("0");
                codex_logs(&[record])
            },
            openai([1, 0, 0, 1000, 0, 10, 0, 0], "0.00027", &[(NOBODY, 1)]),
        ),
        (
            "codex.traces",
            vec![Body::new(
                Signal::Traces,
                &json!({"service.name": "codex_vscode"}),
                "codex_vscode",
                &[
                    span(1, 1, 0, &json!({"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 10})),
                    // A version to come that would pass for a call.
                    span(
                        1,
                        2,
                        1,
                        &json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5-mini",
                "gen_ai.provider.name": "openai", "gen_ai.usage.input_tokens": 1000}),
                    ),
                ],
            )],
            Truth { sums: [0; 8], cost: "0", providers: &[], people: &[] },
        ),
    ]);
}

/// A record of Gemini CLI or of Qwen Code.
fn gemini(ms: u64, event: &str, extra: &Value) -> Value {
    let of = json!({"event.name": event, "session.id": "s-1", "prompt_id": "s-1####0", "duration_ms": 40,
        "model": "gemini-2.5-flash", "auth_type": "gemini-api-key", "role": "main"});
    log(ms, &with(&of, extra))
}

fn gemini_answer(ms: u64, [input, output, cached, thoughts, tool]: [u64; 5], extra: &Value) -> Value {
    let total = input + output + thoughts + tool;
    let of = json!({"input_token_count": input, "output_token_count": output, "cached_content_token_count": cached,
        "thoughts_token_count": thoughts, "tool_token_count": tool, "total_token_count": total, "status_code": 200});
    gemini(ms, "gemini_cli.api_response", &with(&of, extra))
}

fn logs(service: &str, records: &[Value]) -> Body {
    Body::new(Signal::Logs, &json!({"service.name": service}), service, records)
}

#[test]
fn gemini_cli_is_counted_by_its_own_records() {
    let none = json!({});
    let details = json!({"gen_ai.operation.name": "generate_content", "gen_ai.provider.name": "gcp.gen_ai",
        "gen_ai.request.model": "gemini-2.5-flash", "gen_ai.response.id": "r-1",
        "gen_ai.usage.input_tokens": 3000, "gen_ai.usage.output_tokens": 100});
    let llm_call = |number: u8, extra: Value| {
        let of = json!({"gen_ai.operation.name": "llm_call", "gen_ai.request.model": "gemini-2.5-flash",
            "gen_ai.agent.name": "gemini-cli"});
        span(1, number, 0, &with(&of, &extra))
    };
    let traces = Body::new(
        Signal::Traces,
        &json!({"service.name": "gemini-cli"}),
        "gemini-cli",
        &[
            llm_call(1, json!({"gen_ai.usage.input_tokens": 3000, "gen_ai.usage.output_tokens": 100})),
            llm_call(2, none.clone()),
        ],
    );
    check(&[
        // What a tool put into the prompt is beside the input, and in the total.
        (
            "gemini.toolprompt",
            vec![
                logs(
                    "gemini-cli",
                    &[
                        gemini(1, "gemini_cli.api_request", &none),
                        gemini_answer(2, [3000, 100, 2048, 50, 7], &none),
                        gemini(2, "gen_ai.client.inference.operation.details", &details),
                        gemini_answer(900, [3200, 30, 0, 0, 0], &none),
                    ],
                ),
                traces.clone(),
            ],
            Truth {
                sums: [2, 0, 0, 6200, 2048, 180, 50, 0],
                cost: "0.00175704",
                providers: &[("google", 2)],
                people: &[(NOBODY, 2)],
            },
        ),
        // A router's calls are calls.
        (
            "gemini.router",
            vec![logs(
                "gemini-cli",
                &[
                    gemini_answer(
                        1,
                        [500, 5, 0, 0, 0],
                        &json!({"role": "utility_router", "model": "gemini-2.5-flash-lite"}),
                    ),
                    gemini(2, "gemini_cli.model_routing", &json!({"decision_model": "gemini-2.5-flash"})),
                    gemini_answer(3, [1000, 10, 0, 0, 0], &json!({"user.email": "ada@acme.example"})),
                ],
            )],
            Truth {
                sums: [2, 0, 0, 1500, 0, 15, 0, 0],
                cost: "0.000377",
                providers: &[("google", 2)],
                people: &[("ada@acme.example", 1), (NOBODY, 1)],
            },
        ),
        (
            "gemini.failures",
            vec![logs(
                "gemini-cli",
                &[
                    gemini(1, "gemini_cli.api_error", &json!({"status_code": 429, "error.type": "ApiError"})),
                    gemini(2, "gemini_cli.api_error", &json!({"status_code": 400, "error.type": "ApiError"})),
                    gemini(3, "gemini_cli.api_error", &json!({"error.type": "FetchError", "error.message": "PROMPT"})),
                    gemini_answer(900, [1000, 10, 0, 0, 0], &json!({"auth_type": "vertex-ai"})),
                ],
            )],
            Truth {
                sums: [4, 2, 1, 1000, 0, 10, 0, 0],
                cost: "0.000325",
                providers: &[("google", 3), ("vertex_ai", 1)],
                people: &[(NOBODY, 4)],
            },
        ),
        ("gemini.traces", vec![traces], Truth { sums: [0; 8], cost: "0", providers: &[], people: &[] }),
    ]);
}

#[test]
fn qwen_code_is_counted_once_by_logs_and_traces() {
    let call = |number: u8, extra: &Value| {
        let of = json!({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5-mini", "session.id": "s-1"});
        span(1, number, 9, &with(&of, extra))
    };
    let traces = Body::new(
        Signal::Traces,
        &json!({"service.name": "qwen-code"}),
        "qwen-code",
        &[
            call(
                1,
                &json!({"gen_ai.response.id": "chatcmpl-q1xyz", "gen_ai.usage.input_tokens": 5000,
            "gen_ai.usage.output_tokens": 180, "gen_ai.usage.cache_read.input_tokens": 3000, "thoughts_token_count": 60}),
            ),
            failed(call(2, &json!({"error.type": "BadRequestError", "error_status_code": 400})), "API call failed"),
            failed(call(3, &json!({"error.type": "Error", "error_status_code": 404})), "API call failed"),
            span(1, 9, 0, &json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "qwen-code"})),
        ],
    );
    let within = |number: u8, mut record: Value| {
        record["traceId"] = json!(format!("{:02x}", 1).repeat(16));
        record["spanId"] = json!(format!("{number:02x}").repeat(8));
        record
    };
    let answer = gemini(
        1500,
        "qwen-code.api_response",
        &json!({"response_id": "chatcmpl-q1xyz", "model": "gpt-5-mini",
        "auth_type": "openai", "input_token_count": 5000, "output_token_count": 180, "thoughts_token_count": 60,
        "cached_content_token_count": 3000, "total_token_count": 5180}),
    );
    let error = |ms: u64, status: u64| {
        gemini(
            ms,
            "qwen-code.api_error",
            &json!({"response_id": "req_1",
        "model": "gpt-5-mini", "auth_type": "openai", "status_code": status, "error_type": "BadRequestError"}),
        )
    };
    let with_traces = logs(
        "qwen-code",
        &[
            within(1, gemini(1000, "qwen-code.api_request", &json!({"model": "gpt-5-mini"}))),
            within(1, answer.clone()),
            within(2, error(2000, 400)),
            within(3, error(3000, 404)),
        ],
    );
    let truth = || Truth {
        sums: [3, 0, 2, 5000, 3000, 180, 60, 0],
        cost: "0.000935",
        providers: &[("openai", 3)],
        people: &[(NOBODY, 3)],
    };
    // A server of one's own numbers its answers, and begins anew.
    let numbered = |trace: u8, number: u8| {
        let mut span = span(
            trace,
            number,
            0,
            &json!({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5-mini", "gen_ai.response.id": "chatcmpl-7",
            "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 10}),
        );
        let mut record = gemini(
            1000 * u64::from(number),
            "qwen-code.api_response",
            &json!({"response_id": "chatcmpl-7",
            "model": "gpt-5-mini", "auth_type": "openai", "input_token_count": 1000, "output_token_count": 10}),
        );
        for field in ["traceId", "spanId"] {
            record[field] = span[field].clone();
        }
        span["name"] = json!("qwen-code.llm_request");
        (span, record)
    };
    let (spans, records): (Vec<Value>, Vec<Value>) = [numbered(1, 1), numbered(2, 2)].into_iter().unzip();
    let of_own = vec![
        Body::new(Signal::Traces, &json!({"service.name": "qwen-code"}), "qwen-code", &spans),
        logs("qwen-code", &records),
    ];
    check(&[
        (
            "qwen.numbered",
            of_own,
            Truth {
                sums: [2, 0, 0, 2000, 0, 20, 0, 0],
                cost: "0.00054",
                providers: &[("openai", 2)],
                people: &[(NOBODY, 2)],
            },
        ),
        ("qwen.traces", vec![traces.clone()], truth()),
        ("qwen.logs", vec![logs("qwen-code", &[answer, error(2000, 400), error(3000, 404)])], truth()),
        ("qwen.both", vec![traces, with_traces], truth()),
    ]);
}

/// A record of Claude Code. Versions differ in where its name stands.
fn claude(ms: u64, event: &str, extra: &Value) -> Value {
    let of = json!({"event.name": event, "session.id": "s-1", "event.sequence": ms, "user.id": "hash",
        "organization.id": "the-account-at-anthropic", "user.account_uuid": "uuid-1", "user.email": "ada@acme.example",
        "model": "claude-sonnet-4-5-20250929", "duration_ms": 40, "request_id": format!("req_{ms}")});
    let mut record = log(ms, &with(&of, extra));
    record["body"] = json!({"stringValue": format!("claude_code.{event}")});
    record
}

fn claude_request(ms: u64, [input, read, written, output]: [u64; 4], cost: f64, extra: &Value) -> Value {
    let of = json!({"input_tokens": input, "cache_read_tokens": read, "cache_creation_tokens": written,
        "cache_creation_5m_tokens": written, "cache_creation_1h_tokens": 0, "output_tokens": output, "cost_usd": cost});
    claude(ms, "api_request", &with(&of, extra))
}

fn claude_logs(records: &[Value]) -> Body {
    Body::new(Signal::Logs, &json!({"service.name": "claude-code"}), "com.anthropic.claude_code.events", records)
}

fn claude_span(number: u8, ms: u64, [input, read, written, output]: [u64; 4], extra: &Value) -> Value {
    let request = format!("req_{ms}");
    let of = json!({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "user.id": "hash",
        "organization.id": "the-account-at-anthropic", "user.email": "ada@acme.example", "request_id": request,
        "gen_ai.response.id": request, "model": "claude-sonnet-4-5-20250929", "input_tokens": input,
        "cache_read_tokens": read, "cache_creation_tokens": written, "output_tokens": output,
        "gen_ai.usage.input_tokens": input + read + written, "gen_ai.usage.output_tokens": output});
    span(1, number, 9, &with(&of, extra))
}

fn claude_traces(spans: &[Value]) -> Body {
    Body::new(Signal::Traces, &json!({"service.name": "claude-code"}), "com.anthropic.claude_code.tracing", spans)
}

#[test]
fn claude_code_is_counted_once_wherever_its_models_run() {
    let none = json!({});
    let interaction = span(1, 9, 0, &json!({"gen_ai.operation.name": "invoke_agent", "organization.id": "theirs"}));
    let logs = claude_logs(&[
        claude(1, "user_prompt", &json!({"prompt": "PROMPT", "request_id": null})),
        claude_request(2, [2000, 6000, 1000, 120], 0.01335, &none),
        claude_request(3, [100, 0, 0, 10], 0.00045, &json!({"query_source": "agent:builtin:general-purpose"})),
        // The sum of a sub-agent's calls, which were each reported.
        claude(4, "subagent_completed", &json!({"total_tokens": 9340, "request_id": null})),
        claude(5, "api_error", &json!({"status_code": "529", "request_id": null})),
        claude(6, "api_error", &json!({"status_code": "400", "request_id": "req_6"})),
    ]);
    let traces = claude_traces(&[
        claude_span(1, 2, [2000, 6000, 1000, 120], &none),
        claude_span(2, 3, [100, 0, 0, 10], &none),
        failed(claude_span(3, 6, [0, 0, 0, 0], &json!({"success": false})), "400"),
        interaction.clone(),
    ]);
    let answered =
        |sums: Sums| Truth { sums, cost: "0.0138", providers: &[("anthropic", 2)], people: &[("ada@acme.example", 2)] };
    let all = || Truth {
        sums: [4, 1, 1, 9100, 6000, 130, 0, 0],
        cost: "0.0138",
        providers: &[("anthropic", 4)],
        people: &[("ada@acme.example", 4)],
    };
    let elsewhere = |ms: u64, model: &str, provider: Option<&str>| {
        let of = json!({"model": model, "anthropic.provider": provider, "organization.id": null, "user.email": null,
            "user.account_uuid": null});
        claude_request(ms, [100, 0, 0, 10], 0.00045, &of)
    };
    check(&[
        ("claude.logs", vec![logs.clone()], all()),
        ("claude.both", vec![logs, traces.clone()], all()),
        ("claude.traces", vec![traces], answered([2, 0, 0, 9100, 6000, 130, 0, 0])),
        // Before 2.1.331 its spans had Anthropic's names only, and no operation.
        (
            "claude.old.traces",
            vec![claude_traces(&[
                claude_span(
                    1,
                    2,
                    [2000, 6000, 1000, 120],
                    &json!({"gen_ai.operation.name": null,
                "gen_ai.usage.input_tokens": null, "gen_ai.usage.output_tokens": null}),
                ),
                interaction,
            ])],
            Truth { sums: [0; 8], cost: "0", providers: &[], people: &[] },
        ),
        (
            "claude.elsewhere",
            vec![claude_logs(&[
                elsewhere(1, "us.anthropic.claude-sonnet-4-5-20250929-v1:0", Some("bedrock")),
                elsewhere(2, "global.anthropic.claude-haiku-4-5-20251001-v1:0", None),
                elsewhere(3, "claude-sonnet-4-5@20250929", Some("vertex")),
                elsewhere(4, "claude-sonnet-4-5", Some("firstParty")),
                elsewhere(5, "arn:aws:bedrock:eu-west-1:1:application-inference-profile/ab12", Some("bedrock")),
            ])],
            Truth {
                sums: [5, 0, 0, 500, 0, 50, 0, 0],
                cost: "0.00225",
                providers: &[("anthropic", 1), ("bedrock", 3), ("vertex_ai", 1)],
                people: &[("hash", 5)],
            },
        ),
        // A part of what is written stays for an hour: two tokens' price for one, where the client told no cost.
        (
            "claude.hour",
            vec![claude_logs(&[claude_request(
                1,
                [0, 0, 1000, 0],
                0.0,
                &json!({"cache_creation_5m_tokens": 0, "cache_creation_1h_tokens": 1000}),
            )])],
            Truth {
                sums: [1, 0, 0, 1000, 0, 0, 0, 0],
                cost: "0.006",
                providers: &[("anthropic", 1)],
                people: &[("ada@acme.example", 1)],
            },
        ),
    ]);
}

fn app(service: &str, scopes: &[(&str, Vec<Value>)]) -> Vec<Body> {
    // Scopes of one resource come together.
    let scopes: Vec<Value> =
        scopes.iter().map(|(name, spans)| json!({"scope": {"name": name}, "spans": spans})).collect();
    let group =
        json!({"resource": {"attributes": attributes(&json!({"service.name": service}))}, "scopeSpans": scopes});
    vec![Body { signal: Signal::Traces, export: json!({"resourceSpans": [group]}) }]
}

#[test]
fn the_vercel_ai_sdk_is_counted_in_each_of_its_dialects() {
    let of = |operation: &str, provider: &str, model: &str, extra: Value| {
        with(
            &json!({"ai.operationId": operation, "ai.model.provider": provider, "ai.model.id": model,
            "gen_ai.system": provider, "gen_ai.request.model": model, "ai.telemetry.metadata.userId": "u-7"}),
            &extra,
        )
    };
    let generate = |provider: &str, model: &str, extra: Value| of("ai.generateText.doGenerate", provider, model, extra);
    let usage = |input: u64, output: u64| {
        json!({"gen_ai.usage.input_tokens": input, "gen_ai.usage.output_tokens": output,
        "ai.usage.promptTokens": input, "ai.usage.completionTokens": output})
    };
    let metadata = |text: Value, of: Value| with(&of, &json!({"ai.response.providerMetadata": text.to_string()}));
    let sum = of(
        "ai.generateText",
        "openai.responses",
        "gpt-5-mini",
        json!({"ai.usage.promptTokens": 3000,
        "ai.usage.completionTokens": 30}),
    );
    check(&[
        // Version 5 leaves out of Anthropic's input what was cached, and of Google's output what was thought.
        (
            "ai.sdk.5",
            app(
                "shop",
                &[(
                    "ai",
                    vec![
                        span(1, 1, 9, &generate("openai.responses", "gpt-5-mini", usage(1000, 10))),
                        span(
                            1,
                            2,
                            9,
                            &generate(
                                "anthropic.messages",
                                "claude-sonnet-4-5",
                                metadata(
                                    json!({"anthropic": {"usage": {
                "input_tokens": 800, "cache_read_input_tokens": 500, "cache_creation_input_tokens": 100,
                "output_tokens": 40, "cache_creation": {"ephemeral_1h_input_tokens": 0}}}}),
                                    usage(800, 40),
                                ),
                            ),
                        ),
                        span(
                            1,
                            3,
                            9,
                            &generate(
                                "google.generative-ai",
                                "gemini-2.5-flash",
                                metadata(
                                    json!({"google": {"usageMetadata":
                {"promptTokenCount": 700, "candidatesTokenCount": 30, "thoughtsTokenCount": 20,
                "cachedContentTokenCount": 200, "totalTokenCount": 750}}}),
                                    usage(700, 30),
                                ),
                            ),
                        ),
                        failed(span(1, 4, 9, &generate("openai.chat", "gpt-4.1-mini", json!({}))), "Bad Request"),
                        failed(
                            span(1, 5, 9, &generate("openai.chat", "gpt-4.1-mini", json!({}))),
                            "The server is overloaded",
                        ),
                        span(1, 9, 0, &sum),
                    ],
                )],
            ),
            Truth {
                sums: [5, 1, 1, 3100, 700, 100, 20, 0],
                cost: "0.004076",
                providers: &[("anthropic", 1), ("google", 1), ("openai", 3)],
                people: &[("u-7", 5)],
            },
        ),
        // Later ones tell all, and hand on the provider's own words as well.
        (
            "ai.sdk.legacy",
            app(
                "shop",
                &[(
                    "ai",
                    vec![
                        span(
                            1,
                            2,
                            9,
                            &generate(
                                "anthropic.messages",
                                "claude-sonnet-4-5",
                                metadata(
                                    json!({"anthropic": {"usage": {
                "input_tokens": 800, "cache_read_input_tokens": 500, "cache_creation_input_tokens": 100}}}),
                                    with(
                                        &usage(1400, 40),
                                        &json!({"ai.usage.cachedInputTokens": 500,
                    "ai.usage.inputTokenDetails.cacheWriteTokens": 100}),
                                    ),
                                ),
                            ),
                        ),
                        span(
                            1,
                            3,
                            9,
                            &of(
                                "ai.streamText.doStream",
                                "google.vertex.chat",
                                "gemini-2.5-flash",
                                metadata(
                                    json!({"google": {"usageMetadata": {"candidatesTokenCount": 30, "thoughtsTokenCount": 20}}}),
                                    with(&usage(700, 50), &json!({"ai.usage.reasoningTokens": 20})),
                                ),
                            ),
                        ),
                        span(
                            1,
                            4,
                            9,
                            &of(
                                "ai.embed.doEmbed",
                                "openai.embedding",
                                "text-embedding-3-small",
                                json!({"ai.usage.tokens": 44}),
                            ),
                        ),
                        span(
                            1,
                            5,
                            0,
                            &of(
                                "ai.embed",
                                "openai.embedding",
                                "text-embedding-3-small",
                                json!({"ai.usage.tokens": 44}),
                            ),
                        ),
                    ],
                )],
            ),
            Truth {
                sums: [3, 0, 0, 2144, 500, 90, 20, 0],
                cost: "0.00386088",
                providers: &[("anthropic", 1), ("openai", 1), ("vertex_ai", 1)],
                people: &[("u-7", 3)],
            },
        ),
        // opencode says this for want of a user.
        (
            "opencode",
            app(
                "opencode",
                &[(
                    "opencode",
                    vec![
                        span(1, 8, 0, &json!({})),
                        span(
                            1,
                            1,
                            9,
                            &of(
                                "ai.streamText.doStream",
                                "my-own.chat",
                                "gpt-5-mini",
                                with(
                                    &usage(5000, 180),
                                    &json!({
                "ai.telemetry.metadata.userId": "unknown", "ai.usage.cachedInputTokens": 3000,
                "ai.usage.reasoningTokens": 60}),
                                ),
                            ),
                        ),
                        span(
                            1,
                            9,
                            8,
                            &of("ai.streamText", "my-own.chat", "gpt-5-mini", json!({"ai.usage.inputTokens": 5000})),
                        ),
                    ],
                )],
            ),
            Truth {
                sums: [1, 0, 0, 5000, 3000, 180, 60, 1],
                cost: "0",
                providers: &[("my-own", 1)],
                people: &[(NOBODY, 1)],
            },
        ),
    ]);
}

#[test]
fn frameworks_are_counted_once_with_what_they_tell() {
    let llm = |extra: Value| {
        with(
            &json!({"openinference.span.kind": "LLM", "llm.model_name": "gpt-5-mini",
        "llm.token_count.prompt": 1000, "llm.token_count.completion": 110,
        "llm.token_count.prompt_details.cache_read": 600, "llm.token_count.completion_details.reasoning": 50}),
            &extra,
        )
    };
    let untold = json!({"llm.token_count.prompt": null, "llm.token_count.completion": null,
        "llm.token_count.prompt_details.cache_read": null, "llm.token_count.completion_details.reasoning": null});
    let openai = json!({"llm.system": "openai", "llm.provider": "openai"});
    let langchain = "openinference.instrumentation.langchain";
    let below = "openinference.instrumentation.openai";
    let chat = |extra: Value| {
        with(
            &json!({"gen_ai.operation.name": "chat", "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-5-mini"}),
            &extra,
        )
    };
    let tokens = json!({"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 110});
    let answer = |id: &str| {
        json!({"llm.invocation_parameters": json!({"id": id, "model": "gpt-5-mini",
        "service_tier": "default"}).to_string()})
    };
    let one = |cost: &'static str| Truth {
        sums: [1, 0, 0, 1000, 600, 110, 50, 0],
        cost,
        providers: &[("openai", 1)],
        people: &[(NOBODY, 1)],
    };
    check(&[
        // The SDK's spans begin traces of their own, and share no id with the framework's.
        (
            "langchain.twice",
            app(
                "unknown_service:python",
                &[
                    (
                        langchain,
                        vec![
                            span(1, 9, 0, &json!({"openinference.span.kind": "CHAIN"})),
                            span(1, 1, 9, &llm(openai.clone())),
                            span(1, 2, 9, &llm(openai.clone())),
                            failed(
                                span(1, 3, 9, &llm(with(&openai, &untold))),
                                "BadRequestError: Error code: 400 - PROMPT",
                            ),
                        ],
                    ),
                    (
                        below,
                        vec![
                            span(11, 1, 0, &llm(json!({"llm.system": "openai"}))),
                            span(12, 2, 0, &llm(json!({"llm.system": "openai"}))),
                            failed(
                                span(13, 3, 0, &llm(with(&openai, &untold))),
                                "BadRequestError: Error code: 400 - PROMPT",
                            ),
                            // Nobody else tells of this one.
                            span(14, 20, 0, &llm(json!({"llm.system": "openai", "llm.token_count.prompt": 1001}))),
                        ],
                    ),
                ],
            ),
            Truth {
                sums: [4, 0, 1, 3001, 1800, 330, 150, 0],
                cost: "0.00100525",
                providers: &[("openai", 4)],
                people: &[(NOBODY, 4)],
            },
        ),
        // Whose model it is stands nowhere: its name tells what it costs.
        (
            "langchain.js",
            app("bot", &[("@arizeai/openinference-instrumentation-langchain", vec![span(1, 1, 0, &llm(json!({})))])]),
            Truth { providers: &[("unknown", 1)], ..one("0.000335") },
        ),
        (
            "langsmith",
            app(
                "bot",
                &[(
                    "langsmith",
                    vec![
                        span(
                            1,
                            1,
                            9,
                            &chat(with(
                                &tokens,
                                &json!({"langsmith.span.kind": "llm", "langsmith.metadata.user_id": "u-3",
                "langsmith.metadata.usage_metadata": json!({"input_tokens": 1000, "output_tokens": 110,
                    "total_tokens": 1110, "input_token_details": {"cache_read": 600},
                    "output_token_details": {"reasoning": 50}}).to_string()}),
                            )),
                        ),
                        span(
                            1,
                            9,
                            0,
                            &json!({"langsmith.span.kind": "chain", "gen_ai.operation.name": "chain", "gen_ai.system": "langchain"}),
                        ),
                    ],
                )],
            ),
            Truth { people: &[("u-3", 1)], ..one("0.000335") },
        ),
        (
            "langsmith.parts",
            app(
                "bot",
                &[(
                    "langsmith",
                    vec![span(
                        1,
                        1,
                        0,
                        &chat(with(
                            &tokens,
                            &json!({
                "gen_ai.usage.input_token_details": "{\"cache_read\": 600, \"audio\": 0}",
                "gen_ai.usage.output_token_details": "{\"reasoning\": 50}"}),
                        )),
                    )],
                )],
            ),
            one("0.000335"),
        ),
        // What is no such text says nothing.
        (
            "langsmith.broken",
            app(
                "bot",
                &[(
                    "langsmith",
                    vec![span(
                        1,
                        1,
                        0,
                        &chat(with(
                            &tokens,
                            &json!({"langsmith.metadata.usage_metadata": "{\"input_tokens\": [PROMPT"}),
                        )),
                    )],
                )],
            ),
            Truth {
                sums: [1, 0, 0, 1000, 0, 110, 0, 0],
                cost: "0.00047",
                providers: &[("openai", 1)],
                people: &[(NOBODY, 1)],
            },
        ),
        // A failure after a moment has the status of the beginning. Others tell of exceptions that ended nothing, and
        // prompts may have the word in them.
        (
            "langsmith.failed",
            app(
                "bot",
                &[
                    ("langsmith", vec![with_events(span(1, 1, 0, &chat(json!({}))), &["PROMPT", "exception"])]),
                    ("langsmith", vec![with_events(span(2, 1, 0, &chat(json!({}))), &["an exception"])]),
                    ("somebody.else", vec![with_events(span(3, 1, 0, &chat(tokens.clone())), &["exception"])]),
                ],
            ),
            Truth {
                sums: [3, 1, 0, 1000, 0, 110, 0, 1],
                cost: "0.00047",
                providers: &[("openai", 3)],
                people: &[(NOBODY, 3)],
            },
        ),
        // The answer's id stands among the parameters.
        (
            "agents.by.id",
            app(
                "bot",
                &[
                    (
                        "openinference.instrumentation.openai_agents",
                        vec![span(1, 1, 0, &llm(with(&openai, &answer("resp_0123456789"))))],
                    ),
                    (
                        "opentelemetry.instrumentation.openai.v1",
                        vec![span(2, 30, 0, &chat(with(&tokens, &json!({"gen_ai.response.id": "resp_0123456789"}))))],
                    ),
                ],
            ),
            one("0.000335"),
        ),
        // A failure is one, though it names neither model nor provider; what is around it is not another.
        (
            "agents.failed",
            app(
                "bot",
                &[(
                    "openinference.instrumentation.openai_agents",
                    vec![
                        failed(span(1, 1, 9, &json!({"openinference.span.kind": "LLM"})), "Error code: 400 - PROMPT"),
                        failed(span(1, 9, 0, &json!({"openinference.span.kind": "AGENT"})), "Error code: 400 - PROMPT"),
                    ],
                )],
            ),
            Truth { sums: [1, 0, 1, 0, 0, 0, 0, 0], cost: "0", providers: &[("unknown", 1)], people: &[(NOBODY, 1)] },
        ),
        (
            "openllmetry",
            app(
                "bot",
                &[(
                    "opentelemetry.instrumentation.openai_agents",
                    vec![
                        span(1, 9, 0, &json!({"traceloop.span.kind": "workflow"})),
                        span(
                            1,
                            1,
                            9,
                            &json!({"llm.request.type": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-5-mini",
                "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 110,
                "gen_ai.usage.cache_read_input_tokens": 600, "gen_ai.usage.reasoning_tokens": 50}),
                        ),
                        failed(
                            span(1, 2, 9, &json!({"llm.request.type": "chat", "gen_ai.system": "openai"})),
                            "status_code: 400",
                        ),
                        span(1, 3, 9, &json!({"traceloop.span.kind": "tool"})),
                    ],
                )],
            ),
            Truth {
                sums: [2, 0, 1, 1000, 600, 110, 50, 0],
                cost: "0.000335",
                providers: &[("openai", 2)],
                people: &[(NOBODY, 2)],
            },
        ),
        (
            "copilot",
            app(
                "github-copilot",
                &[(
                    "github.copilot",
                    vec![
                        span(
                            1,
                            1,
                            9,
                            &json!({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic",
                "gen_ai.request.model": "claude-sonnet-4-5", "gen_ai.response.id": "msg_0123456789",
                "gen_ai.usage.input_tokens": 8000, "gen_ai.usage.output_tokens": 220,
                "gen_ai.usage.cache_read.input_tokens": 3000, "github.copilot.cost": 1.0}),
                        ),
                        failed(
                            span(
                                1,
                                2,
                                9,
                                &json!({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic",
                "gen_ai.request.model": "claude-sonnet-4-5", "error.type": "ModelCallError"}),
                            ),
                            "Model call failed",
                        ),
                        span(
                            1,
                            9,
                            0,
                            &json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": "anthropic",
                "gen_ai.usage.input_tokens": 8000, "gen_ai.usage.output_tokens": 220}),
                        ),
                    ],
                )],
            ),
            Truth {
                sums: [2, 1, 0, 8000, 3000, 220, 0, 0],
                cost: "0.0192",
                providers: &[("anthropic", 2)],
                people: &[(NOBODY, 2)],
            },
        ),
        (
            "strands",
            app(
                "assistant",
                &[(
                    "strands.telemetry.tracer",
                    vec![
                        span(
                            1,
                            9,
                            0,
                            &json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.system": "strands-agents", "user.id": "ada",
                "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 110}),
                        ),
                        span(1, 8, 9, &json!({"gen_ai.operation.name": "execute_event_loop_cycle", "user.id": "ada"})),
                        span(
                            1,
                            1,
                            8,
                            &with(
                                &chat(tokens.clone()),
                                &json!({"gen_ai.system": "strands-agents", "user.id": "ada",
                "gen_ai.usage.cache_read_input_tokens": 600}),
                            ),
                        ),
                        failed(
                            span(
                                1,
                                2,
                                8,
                                &with(&chat(json!({})), &json!({"gen_ai.system": "strands-agents", "user.id": "ada"})),
                            ),
                            "Error code: 400 - PROMPT",
                        ),
                    ],
                )],
            ),
            Truth {
                sums: [2, 0, 1, 1000, 600, 110, 0, 0],
                cost: "0.000335",
                providers: &[("strands-agents", 2)],
                people: &[("ada", 2)],
            },
        ),
        (
            "adk",
            app(
                "helper",
                &[(
                    "gcp.vertex.agent",
                    vec![
                        span(
                            1,
                            1,
                            9,
                            &json!({"gen_ai.operation.name": "generate_content", "gen_ai.provider.name": "gcp.gemini",
                "gen_ai.request.model": "gemini-2.5-flash", "gen_ai.usage.input_tokens": 3000,
                "gen_ai.usage.output_tokens": 150, "gen_ai.usage.reasoning.output_tokens": 50}),
                        ),
                        failed(
                            span(
                                1,
                                2,
                                9,
                                &json!({"gen_ai.operation.name": "generate_content", "gen_ai.provider.name": "gcp.gemini",
                "gen_ai.request.model": "gemini-2.5-flash"}),
                            ),
                            "ClientError: 400 INVALID_ARGUMENT. {'error': {}}",
                        ),
                        span(1, 9, 0, &json!({"gen_ai.operation.name": "invoke_workflow"})),
                    ],
                )],
            ),
            Truth {
                sums: [2, 0, 1, 3000, 0, 150, 50, 0],
                cost: "0.001275",
                providers: &[("google", 2)],
                people: &[(NOBODY, 2)],
            },
        ),
    ]);
}

#[test]
fn records_that_are_not_known_here_are_in_the_intake_ledger_by_name() {
    let server = Server::start();
    let place = Place::new(&server, "acme");
    let records = [
        codex(1, "response_usage", &json!({"input_tokens": 5})),
        codex(2, "response_usage", &json!({"input_tokens": 5})),
        codex(3, "user_prompt", &json!({"prompt": "PROMPT"})),
        codex(4, "what is PROMPT", &json!({})),
        gemini(5, "gemini_cli.api_answer", &json!({})),
        gemini(6, "qwen-code.api_answer", &json!({})),
        claude(7, "api_answer", &json!({})),
        log(8, &json!({"event.name": "another.program"})),
    ];
    place.post(&logs("mixed", &records), false);
    let intake = place.intake();
    let line = |reason: &str, count: u64| ("ignored".to_owned(), reason.to_owned(), count);
    for expected in [
        line("a record not known here, codex.response_usage", 2),
        line("a record not known here, gemini_cli.api_answer", 1),
        line("a record not known here, qwen-code.api_answer", 1),
        line("a record not known here, api_answer", 1),
        line("a record not known here", 1),
        line("no usage in it", 2),
    ] {
        assert!(intake.contains(&expected), "{expected:?} is not in {intake:?}");
    }
    assert_eq!(intake.len(), 6, "{intake:?}");
}

#[test]
fn a_person_has_a_key_for_each_client_unless_the_token_has_one() {
    let server = Server::start();
    let place = Place::new(&server, "acme");
    let ada = json!({"user.email": "ada@acme.example"});
    place.post(&codex_logs(&[codex_answer(1, [1000, 0, 10, 0], &ada)])[0], true);
    place.post(&logs("gemini-cli", &[gemini_answer(2, [1000, 10, 0, 0, 0], &ada)]), true);
    place.post(&claude_logs(&[claude_request(3, [100, 0, 0, 10], 0.001, &json!({}))]), true);
    let keys = server.get(&format!("/analytics/keys?organizationId=acme&{WINDOW}"), OPERATOR).ok().json();
    let mut found: Vec<(String, String)> = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| {
            let text = |field: &str| key[field].as_str().unwrap_or("none").to_owned();
            (text("id"), text("description"))
        })
        .collect();
    found.sort();
    let expected = ["claude-code", "codex", "gemini-cli"].map(|app| format!("{app}:ada@acme.example"));
    let labels = ["Claude Code", "Codex", "Gemini CLI"].map(|name| format!("{name}, ada@acme.example"));
    assert_eq!(found, expected.into_iter().zip(labels).collect::<Vec<_>>());
    assert_eq!(place.requests("user"), [("ada@acme.example".to_owned(), 3)]);
    assert_eq!(place.requests("source").len(), 3);

    let shared = server.token(&json!({"kind": "ingest", "organizationId": "acme", "apiKeyId": "ci", "label": "CI"}));
    let by_person = place.token.clone();
    let place = Place { token: shared, ..place };
    place.post(&codex_logs(&[codex_answer(4, [1000, 0, 10, 0], &ada)])[0], false);
    assert_eq!(place.requests("user"), [("ada@acme.example".to_owned(), 3), (NOBODY.to_owned(), 1)]);
    // Some have the address where others have a number, and it is whose the directory says.
    let users = json!([{"id": "u-1", "name": "Ben", "email": "Ben@acme.example"}]);
    let members = json!([{"organizationId": "acme", "userId": "u-1", "role": "developer"}]);
    server.put("/v1/directory", OPERATOR, &json!({"users": users, "members": members})).ok();
    let place = Place { token: by_person, ..place };
    let by_address = with(
        &json!({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}),
        &json!({"gen_ai.request.model": "gpt-5-mini", "ai.telemetry.metadata.userId": "ben@acme.example"}),
    );
    place.post(&app("shop", &[("ai", vec![span(3, 3, 0, &by_address)])])[0], false);
    let three = [("ada@acme.example".to_owned(), 3), (NOBODY.to_owned(), 1), ("u-1".to_owned(), 1)];
    assert_eq!(place.requests("user"), three);
    // An id that is too long for one costs no call.
    let long = json!({"user.email": "x".repeat(600), "conversation.id": "c-9"});
    let place = Place::new(&server, "other");
    place.post(&codex_logs(&[codex_answer(5, [1000, 0, 10, 0], &long)])[0], false);
    assert_eq!(place.requests("user"), [(NOBODY.to_owned(), 1)]);
}

#[test]
fn two_identities_of_a_person_are_one_as_long_as_an_owner_says_so() {
    let server = Server::start();
    let place = Place::new(&server, "acme");
    // Signed in at one client, by the installation at another.
    place.post(&codex_logs(&[codex_answer(1, [1000, 0, 10, 0], &json!({"user.email": "ada@acme.example"}))])[0], false);
    let by_installation = json!({"user.email": null, "user.account_uuid": null});
    place.post(&claude_logs(&[claude_request(2, [100, 0, 0, 10], 0.001, &by_installation)]), false);
    let members = json!([
        {"organizationId": "acme", "userId": "olga", "role": "owner"},
        {"organizationId": "acme", "userId": "alf", "role": "admin"},
    ]);
    let other = json!([{"organizationId": "other", "userId": "hash", "role": "developer"},
        {"organizationId": "other", "userId": "ada@acme.example", "role": "developer"}]);
    server.put("/v1/directory", OPERATOR, &json!({"members": members})).ok();
    server.put("/v1/directory", OPERATOR, &json!({"members": other})).ok();
    let [owner, admin, ada, hash] = ["olga", "alf", "ada@acme.example", "hash"].map(|user| server.user_token(user));
    let merge = |token: &str, organization: &str, user: &str, person: Value| {
        let identity = json!({"organizationId": organization, "userId": user, "sameAs": person});
        server.put("/v1/directory", token, &json!({"identities": [identity]}))
    };
    let ask = |path: &str, token: &str| server.get(&format!("{path}?organizationId=acme&{WINDOW}"), token);
    let apart = [("ada@acme.example".to_owned(), 1), ("hash".to_owned(), 1)];
    assert_eq!(place.requests("user"), apart);

    // Owners, of their own organization, and this alone.
    for token in [&admin, &ada, &hash, &place.token] {
        merge(token, "acme", "hash", json!("ada@acme.example")).is_problem(403, "");
    }
    merge(&owner, "other", "hash", json!("ada@acme.example")).is_problem(403, "organization 'other' is not yours");
    merge(&owner, "acme", "hash", json!("nobody")).is_problem(404, "there is no member 'nobody'");
    merge(&owner, "acme", "hash", json!("hash")).is_problem(400, "they are one");
    assert_eq!(place.requests("user"), apart, "what is refused changes nothing");

    merge(&owner, "acme", "hash", json!("ada@acme.example")).ok();
    merge(&owner, "acme", "hash", json!("ada@acme.example")).ok();
    merge(&owner, "acme", "alf", json!("hash")).is_problem(400, "name that one");
    merge(&owner, "acme", "ada@acme.example", json!("alf")).is_problem(400, "has identities");
    assert_eq!(place.requests("user"), [("ada@acme.example".to_owned(), 2)]);
    assert_eq!(place.activity("none").json()["totals"]["activeMemberCount"], 1);
    let members = ask("/analytics/members", OPERATOR).ok().json();
    let rows: Vec<(&str, u64, u64)> = members["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let number = |field: &str| row[field].as_u64().unwrap();
            (row["userId"].as_str().unwrap(), number("requestCount"), number("apiKeyCount"))
        })
        .collect();
    assert_eq!(rows, [("ada@acme.example", 2, 2), ("alf", 0, 0), ("olga", 0, 0)]);
    // Whichever id is asked about, the person answers.
    for user in ["hash", "ada@acme.example"] {
        let member = ask(&format!("/analytics/members/{user}"), &owner).ok().json();
        assert_eq!(
            (&member["member"]["userId"], &member["summary"]["requestCount"]),
            (&json!("ada@acme.example"), &json!(2))
        );
        let filtered = server.get(&format!("/analytics/activity?organizationId=acme&{WINDOW}&userId={user}"), OPERATOR);
        assert_eq!(filtered.ok().json()["totals"]["requestCount"], 2, "{user}");
    }
    for token in [&ada, &hash] {
        let mine = server.get(&format!("/analytics/me?organizationId=acme&projectId=p&{WINDOW}"), token).ok().json();
        assert_eq!(mine["summary"]["requestCount"], 2);
        assert_eq!(ask("/analytics/keys", token).ok().json()["keys"].as_array().unwrap().len(), 2);
        ask("/analytics/keys/claude-code:hash", token).ok();
    }
    // In another organization they are who they were.
    let there = server.get(&format!("/analytics/members?organizationId=other&{WINDOW}"), OPERATOR).ok().json();
    assert_eq!(there["members"].as_array().unwrap().len(), 2);
    // What comes later is theirs as well, and what is exported can be imported.
    place.post(&claude_logs(&[claude_request(3, [100, 0, 0, 10], 0.001, &by_installation)]), false);
    assert_eq!(place.requests("user"), [("ada@acme.example".to_owned(), 3)]);
    let exported = server.get("/v1/directory?organizationId=acme", OPERATOR).ok().json();
    assert_eq!(
        exported["identities"],
        json!([{"organizationId": "acme", "userId": "hash", "sameAs": "ada@acme.example"}])
    );
    server.put("/v1/directory", OPERATOR, &exported).ok();

    merge(&owner, "acme", "hash", Value::Null).ok();
    assert_eq!(place.requests("user"), [("ada@acme.example".to_owned(), 1), ("hash".to_owned(), 2)]);
    ask("/analytics/keys/claude-code:hash", &ada).is_problem(403, "not one of your API keys");
}
