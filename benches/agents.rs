//! Coding agents: what a run of Codex costs to read, and what a fleet of laptops costs the server that they report to.
//!
//! `cargo bench --bench agents`

mod figures;
mod server;

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use rollcall::ingest::otlp::{Encoding, Options, parse_logs, parse_traces};
use rollcall::ingest::{Context, SentBy, TokenDefaults, for_ever};
use rollcall::pricing::PriceBook;
use server::{TOKEN, kill, start};

/// 2026-06-01T10:00:00Z.
const MORNING_NANOS: u64 = 1_780_308_000_000_000_000;
/// What a run of two calls was seen to send.
const SPANS: u64 = 547;
const ROUNDS: usize = 200;
/// Ten thousand laptops that post every five seconds.
const LAPTOPS: usize = 10_000;
const POSTS_A_SECOND: usize = 2000;
const SECONDS: usize = 10;
const CONNECTIONS: usize = 16;
/// Laptops whose first reports are one post, before the clock starts.
const TOGETHER: usize = 500;

fn main() {
    // Cargo asks bench targets for a list in some commands; there is none to give.
    if std::env::args().any(|a| a == "--list") {
        return;
    }
    let traces = codex_traces();
    read("a run of Codex, traces", &traces, |body, context| {
        let reading = parse_traces(body, Encoding::Protobuf, &Options::default(), context).expect("it is OTLP");
        assert_eq!((reading.parsed.batch.events.len(), reading.ignored), (0, SPANS as usize));
    });
    for client in [Client::Codex, Client::ClaudeCode] {
        read(&format!("a laptop's post, {client:?}"), &laptop(client, 0, 0), |body, context| {
            let reading = parse_logs(body, Encoding::Protobuf, &Options::default(), context).expect("it is OTLP");
            assert_eq!(reading.parsed.batch.events.len(), 1);
        });
    }
    fleet();
}

fn read(what: &str, body: &[u8], read: impl Fn(&[u8], &Context<'_>)) {
    let prices = PriceBook::bundled();
    let token = TokenDefaults {
        organization_id: Some("acme"),
        project_id: Some("default"),
        api_key_id: Some("token"),
        sender: SentBy { name: "otlp", version: None },
    };
    let now = (MORNING_NANOS / 1_000_000) as i64 + 3_600_000;
    let context = Context { now, prices: &prices, token, kept_since: &for_ever };
    let mut micros: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            read(black_box(body), &context);
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    let (least, median) = (micros[0], micros[ROUNDS / 2]);
    figures::figure("agents", what, &format!("{median:.0} µs (fastest {least:.0}), {} bytes", body.len()));
}

/// Laptops post, each in its turn, at a steady pace; the server's share of a core is what the system says it had.
fn fleet() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (server, address) = start(directory.path());
    let body = |number: usize| {
        let client = if number.is_multiple_of(2) { Client::Codex } else { Client::ClaudeCode };
        laptop(client, number % LAPTOPS, number)
    };
    // Made before the clock starts: the laptops' work is not the server's.
    let count = POSTS_A_SECOND * SECONDS;
    let posts: Vec<Vec<u8>> = (0..count).map(|number| post(&body(number))).collect();
    // All of them have reported before. Messages one after the other are one with what is in all.
    let mut stream = TcpStream::connect(&address).expect("a connection");
    for first in (count..count + LAPTOPS).step_by(TOGETHER) {
        let together = (first..first + TOGETHER).flat_map(body).collect::<Vec<u8>>();
        stream.write_all(&post(&together)).expect("the server reads");
        answered(&mut stream);
    }
    let (before, started) = (cpu(&server), Instant::now());
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let (posts, address) = (&posts, &address);
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).expect("a connection");
                stream.set_nodelay(true).expect("an option");
                for (number, post) in posts.iter().enumerate().skip(connection).step_by(CONNECTIONS) {
                    let due = Duration::from_secs_f64(number as f64 / POSTS_A_SECOND as f64);
                    std::thread::sleep(due.saturating_sub(started.elapsed()));
                    stream.write_all(post).expect("the server reads");
                    answered(&mut stream);
                }
            });
        }
    });
    let (seconds, used) = (started.elapsed().as_secs_f64(), cpu(&server) - before);
    kill(server);
    let (rate, share) = (posts.len() as f64 / seconds, 100.0 * used / seconds);
    let micros = 1e6 * used / posts.len() as f64;
    figures::figure(
        "agents",
        "10,000 laptops, a post every 5 s",
        &format!("{rate:.0} posts/s, {share:.0} % of a core, {micros:.0} µs a post"),
    );
}

/// Seconds that a process has had of any core. The system counts in hundredths.
fn cpu(server: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.id())).expect("it runs");
    let after_name = stat.rsplit_once(')').expect("a name in brackets").1;
    let field = |number: usize| after_name.split_whitespace().nth(number).and_then(|ticks| ticks.parse::<f64>().ok());
    (field(11).expect("user time") + field(12).expect("system time")) / 100.0
}

fn post(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /v1/otlp/v1/logs HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn answered(stream: &mut TcpStream) {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !answer.ends_with(b"\r\n\r\n") {
        let n = stream.read(&mut buffer).expect("an answer");
        assert_ne!(n, 0, "the server ends no connection");
        answer.extend_from_slice(&buffer[..n]);
    }
    // All is taken, so that the body is empty.
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

#[derive(Debug, Clone, Copy)]
enum Client {
    Codex,
    ClaudeCode,
}

/// What a laptop posts of one call: the record with its tokens, and those around it.
fn laptop(client: Client, laptop: usize, number: usize) -> Vec<u8> {
    let (service, scope, others) = match client {
        Client::Codex => ("codex_tui", "codex_otel.log_only", 4),
        Client::ClaudeCode => ("claude-code", "com.anthropic.claude_code.events", 3),
    };
    let nanos = MORNING_NANOS + number as u64 * 1_000_000;
    let who = [
        text("organization.id", "acme"),
        text("user.email", &format!("laptop-{laptop}@acme.example")),
        text("session.id", &format!("5b8efff7-9803-4103-a269-{laptop:012}")),
        text("conversation.id", &format!("5b8efff7-9803-4103-a269-{laptop:012}")),
        text("terminal.type", "xterm-256color"),
        text("app.version", "0.171.0"),
        text("event.timestamp", "2026-06-01T10:00:00.643Z"),
    ];
    let mut records: Vec<LogRecord> = (0..others)
        .map(|other| {
            let name = format!("codex.{}", ["user_prompt", "api_request", "tool_result", "tool_decision"][other]);
            record(nanos + other as u64, &name, &who, &[text("tool_name", "exec_command"), count("duration_ms", 12)])
        })
        .collect();
    records.push(match client {
        Client::Codex => record(
            nanos,
            "codex.sse_event",
            &who,
            &[
                text("event.kind", "response.completed"),
                text("model", "gpt-5.2-codex"),
                text("input_token_count", "5000"),
                text("output_token_count", "120"),
                count("cached_token_count", 3072),
                count("reasoning_token_count", 64),
                text("tool_token_count", "5120"),
            ],
        ),
        Client::ClaudeCode => record(
            nanos,
            "claude_code.api_request",
            &who,
            &[
                text("request_id", &format!("req_{number:024}")),
                text("model", "claude-sonnet-4-5-20250929"),
                count("input_tokens", 2000),
                count("output_tokens", 120),
                count("cache_read_tokens", 6000),
                count("cache_creation_tokens", 1000),
                count("duration_ms", 4000),
            ],
        ),
    });
    let group = ResourceLogs {
        resource: Some(Resource { attributes: vec![text("service.name", service)], ..Resource::default() }),
        scope_logs: vec![ScopeLogs { scope: Some(named(scope)), log_records: records, ..ScopeLogs::default() }],
        ..ResourceLogs::default()
    };
    ExportLogsServiceRequest { resource_logs: vec![group] }.encode_to_vec()
}

fn record(nanos: u64, event: &str, who: &[KeyValue], more: &[KeyValue]) -> LogRecord {
    LogRecord {
        time_unix_nano: nanos,
        observed_time_unix_nano: nanos,
        severity_text: "INFO".into(),
        attributes: [&[text("event.name", event)], who, more].concat(),
        ..LogRecord::default()
    }
}

/// Spans as Codex makes them around its calls: where in its source, on which thread, and some with figures.
fn codex_traces() -> Vec<u8> {
    let span = |number: u64| Span {
        trace_id: vec![7; 16],
        span_id: number.to_be_bytes().to_vec(),
        parent_span_id: (number / 2).to_be_bytes().to_vec(),
        name: ["handle_responses", "run_turn", "append_items", "poll"][number as usize % 4].into(),
        start_time_unix_nano: MORNING_NANOS + number,
        end_time_unix_nano: MORNING_NANOS + number + 1_000_000,
        attributes: vec![
            text("code.file.path", "core/src/session/turn.rs"),
            text("code.module.name", "codex_core::session::turn"),
            count("code.line.number", 3120),
            count("thread.id", 4),
            text("thread.name", "tokio-rt-worker"),
            text("target", "codex_core::session::turn"),
            count("gen_ai.usage.input_tokens", 5000),
            count("gen_ai.usage.output_tokens", 120),
            count("busy_ns", 32_311_813),
            count("idle_ns", 75_663_361),
        ],
        events: vec![Event { name: "event".into(), attributes: vec![text("level", "INFO")], ..Event::default() }],
        ..Span::default()
    };
    let spans = (1..=SPANS).map(span).collect();
    let group = ResourceSpans {
        resource: Some(Resource { attributes: vec![text("service.name", "codex_exec")], ..Resource::default() }),
        scope_spans: vec![ScopeSpans { scope: Some(named("codex_exec")), spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec()
}

fn named(scope: &str) -> InstrumentationScope {
    InstrumentationScope { name: scope.into(), ..InstrumentationScope::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.into()))
}

fn count(key: &str, value: i64) -> KeyValue {
    pair(key, Value::IntValue(value))
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
