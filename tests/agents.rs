//! Coding agents and SDKs: what each was seen to send, with the truth of its provider's ledger, and beside it the same
//! rules with figures of our own. Each is posted in several ways, which all come to the same.
//!
//! The captured bodies are not part of the repository; where they are missing, that test says that it skips.

mod support;

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use support::otlp::{Body, Signal, attributes};
use support::random::Random;
use support::{OPERATOR, Server, bearer, number_text};

const CAPTURED: &str = "../shared/data/captured/agents";
/// 2026-11-28T10:00:00Z, in seconds.
const MORNING: u64 = 1_795_860_000;
const WINDOW: &str = "from=2026-11-20&to=2026-11-30";

/// Requests, errors, client errors, input, cached, output, reasoning and unpriced requests.
type Sums = [u64; 8];

/// The ways to post some bodies. Whatever the way, they say the same.
const WAYS: [Way; 7] = [
    Way { name: "as sent", ..PLAIN },
    Way { name: "in protobuf", in_protobuf: true, ..PLAIN },
    Way { name: "twice", times: 2, ..PLAIN },
    Way { name: "last first", backwards: true, ..PLAIN },
    Way { name: "in another order", shuffled: true, in_protobuf: true, ..PLAIN },
    Way { name: "twice, in another order, last first", shuffled: true, backwards: true, times: 2, ..PLAIN },
    Way { name: "record by record", split: true, shuffled: true, ..PLAIN },
];

const PLAIN: Way =
    Way { name: "", in_protobuf: false, times: 1, backwards: false, shuffled: false, split: false };

#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    in_protobuf: bool,
    times: usize,
    /// The last body comes first.
    backwards: bool,
    shuffled: bool,
    /// Each log record comes in a post of its own. Spans of one call come together.
    split: bool,
}

impl Way {
    fn bodies(self, bodies: &[Body], random: &mut Random) -> Vec<Body> {
        let mut posts: Vec<Body> = Vec::new();
        for body in bodies {
            let body = if self.shuffled { body.shuffled(random) } else { body.clone() };
            posts.extend(if self.split && body.signal == Signal::Logs { body.split() } else { vec![body] });
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

    fn activity(&self, group: &str) -> support::Answer {
        let query = format!("organizationId={}&{WINDOW}&groupBy={group}", self.organization);
        self.server.get(&format!("/analytics/activity?{query}"), OPERATOR).ok()
    }

    fn sums(&self) -> (Sums, String) {
        let answer = self.activity("none");
        let totals = answer.json()["totals"].clone();
        let fields = ["requestCount", "errorCount", "clientErrorCount", "inputTokens", "cachedTokens", "outputTokens",
            "reasoningTokens", "unpricedRequestCount"];
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
fn differences(server: &Server, name: &str, bodies: &[Body], truth: &Truth) -> Vec<String> {
    let mut found = Vec::new();
    let mut random = Random(name.bytes().map(u64::from).sum());
    for (number, way) in WAYS.iter().enumerate() {
        let place = Place::new(server, &format!("{name}.{number}").replace(' ', "."));
        for (at, body) in way.bodies(bodies, &mut random).iter().enumerate() {
            // One sender may change how it writes.
            place.post(body, way.in_protobuf != (way.split && at % 2 == 1));
        }
        let owned = |of: &[(&str, u64)]| of.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect::<Vec<_>>();
        let expected =
            ((truth.sums, truth.cost.to_owned()), owned(truth.providers), owned(truth.people), Vec::new());
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
        (&["codex-exec-apikey-logs"], Truth {
            sums: [2, 0, 0, 10_200, 8064, 160, 64, 0], cost: "0.0073892",
            providers: &[("openai", 2)], people: &[(NOBODY, 2)] }),
        (&["codex-exec-apikey-logs", "codex-exec-traces", "codex-exec-metrics"], Truth {
            sums: [2, 0, 0, 10_200, 8064, 160, 64, 0], cost: "0.0073892",
            providers: &[("openai", 2)], people: &[(NOBODY, 2)] }),
        (&["codex-exec-traces", "codex-exec-metrics", "gemini-cli-metrics"], Truth {
            sums: [0; 8], cost: "0", providers: &[], people: &[] }),
        (&["codex-exec-chatgpt-logs"], Truth {
            sums: [2, 0, 0, 14_400, 12_928, 325, 128, 0], cost: "0.0093884",
            providers: &[("openai", 2)], people: &[("mina@example.com", 2)] }),
        (&["codex-exec-http500-logs"], Truth {
            sums: [2, 1, 0, 2000, 512, 20, 0, 0], cost: "0.0029736",
            providers: &[("openai", 2)], people: &[(NOBODY, 2)] }),
        (&["codex-exec-streamerrors-logs"], Truth {
            sums: [3, 2, 0, 1000, 512, 20, 4, 0], cost: "0.0012236",
            providers: &[("openai", 3)], people: &[(NOBODY, 3)] }),
        (&["gemini-cli-logs"], Truth {
            sums: [3, 1, 0, 8200, 1024, 280, 150, 0], cost: "0.00288352",
            providers: &[("google", 3)], people: &[("mina@example.com", 3)] }),
        (&["gemini-cli-traces-default", "gemini-cli-logs", "gemini-cli-metrics"], Truth {
            sums: [3, 1, 0, 8200, 1024, 280, 150, 0], cost: "0.00288352",
            providers: &[("google", 3)], people: &[("mina@example.com", 3)] }),
        // They come along with the logs, whether asked for or not, and know less.
        (&["gemini-cli-traces-default", "gemini-cli-traces-on"], Truth {
            sums: [0; 8], cost: "0", providers: &[], people: &[] }),
        (&["qwen-code-logs"], Truth {
            sums: [3, 0, 1, 10_300, 7800, 200, 60, 2], cost: "0",
            providers: &[("openai", 3)], people: &[(NOBODY, 3)] }),
        (&["qwen-code-traces"], Truth {
            sums: [3, 0, 1, 10_300, 7800, 200, 60, 2], cost: "0",
            providers: &[("openai", 3)], people: &[(NOBODY, 3)] }),
        (&["qwen-code-traces", "qwen-code-logs"], Truth {
            sums: [3, 0, 1, 10_300, 7800, 200, 60, 2], cost: "0",
            providers: &[("openai", 3)], people: &[(NOBODY, 3)] }),
        (&["claude-code-apikey-logs"], CLAUDE),
        (&["claude-code-apikey-traces"], CLAUDE),
        (&["claude-code-apikey-logs", "claude-code-apikey-traces"], CLAUDE),
        (&["opencode-traces"], Truth {
            sums: [2, 0, 0, 5011, 3000, 183, 60, 2], cost: "0",
            providers: &[("fake", 2)], people: &[(NOBODY, 2)] }),
        (&["copilot-cli-openai-traces"], Truth {
            sums: [3, 1, 0, 16_300, 12_800, 240, 90, 0], cost: "0.001675",
            providers: &[("openai", 3)], people: &[(NOBODY, 3)] }),
        (&["vercel-ai-sdk-6-traces"], Truth {
            sums: [7, 0, 1, 5244, 3000, 290, 120, 0], cost: "0.00457738",
            providers: &[("anthropic", 1), ("google", 1), ("openai", 5)], people: &[("u-1", 7)] }),
        (&["vercel-ai-sdk-7-traces"], Truth {
            sums: [7, 0, 1, 5244, 3000, 290, 0, 0], cost: "0.00457738",
            providers: &[("anthropic", 1), ("google", 1), ("openai", 5)], people: &[(NOBODY, 7)] }),
        (&["google-adk-traces"], Truth {
            sums: [3, 0, 1, 6200, 2048, 180, 50, 0], cost: "0.00175704",
            providers: &[("google", 3)], people: &[(NOBODY, 3)] }),
        (&["langchain-oi-traces"], Truth {
            // Why it failed was in a text that is not in the body.
            sums: [5, 1, 0, 3200, 1800, 250, 120, 0], cost: "0.0009205",
            providers: &[("openai", 5)], people: &[(NOBODY, 5)] }),
        (&["langchain-langsmith-traces"], Truth {
            sums: [5, 1, 0, 3200, 1800, 250, 120, 0], cost: "0.0009205",
            providers: &[("openai", 5)], people: &[(NOBODY, 5)] }),
        (&["openai-agents-oi-traces"], Truth {
            // Of chat completions it hands on neither cached nor reasoning tokens.
            sums: [4, 0, 1, 2500, 1500, 160, 50, 0], cost: "0.0006405",
            providers: &[("openai", 4)], people: &[(NOBODY, 4)] }),
        (&["openai-agents-oi-openai-traces"], Truth {
            sums: [4, 0, 1, 2500, 1600, 160, 60, 0], cost: "0.0006105",
            providers: &[("openai", 4)], people: &[(NOBODY, 4)] }),
        (&["pydantic-ai-agent-traces"], Truth {
            sums: [5, 0, 1, 4500, 2800, 200, 60, 0], cost: "0.0041955",
            providers: &[("anthropic", 1), ("openai", 4)], people: &[(NOBODY, 5)] }),
    ];
    let mut found = Vec::new();
    for (files, truth) in cases {
        let bodies: Vec<Body> = files.iter().map(|file| captured(file)).collect();
        found.extend(differences(&server, &files.join(" and "), &bodies, truth));
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
                let (as_sent, ours) = (Place::new(&server, &format!("{name}.pb")), Place::new(&server, &format!("{name}.json")));
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
