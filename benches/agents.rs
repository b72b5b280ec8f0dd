//! Coding agents: what a run of Codex costs to read, and what a fleet of laptops costs the server that they report to.
//!
//! `cargo bench --bench agents`

mod figures;
mod server;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hint::black_box;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::Child;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

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
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{LocalSet, spawn_local};

/// When this bench began: agents tell of calls that have just ended.
static NOW_NANOS: LazyLock<u64> = LazyLock::new(|| {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is past 1970").as_nanos() as u64
});
/// What a run of two calls was seen to send.
const SPANS: u64 = 547;
const ROUNDS: usize = 200;
/// Ten thousand laptops that post every five seconds: two thousand posts a second.
const LAPTOPS: usize = 10_000;
const EVERY: Duration = Duration::from_secs(5);
const ROUNDS_OF_ALL: usize = 2;
/// After the rounds in which they become known, and are alone.
const FIRST_ROUND: usize = 3;
/// Laptops whose first reports are one post, before the clock starts.
const TOGETHER: usize = 500;
/// Laptops that report for the first time one by one, and how many of them at once.
const NEW: usize = 2000;
const AT_ONCE: usize = 64;
/// Posts of one that waits for each answer.
const ALONE: usize = 500;

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
    let now = (*NOW_NANOS / 1_000_000) as i64;
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

/// Laptops report as they do: each at its own moments, whatever became of the others' posts.
fn fleet() {
    for connections in [Connections::Own, Connections::OfProxy] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (server, address) = start(directory.path());
        let address = address.parse().expect("an address");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, async {
            let what = match connections {
                Connections::Own => {
                    first_reports(address).await;
                    "10,000 laptops, a post every 5 s, a connection each"
                }
                Connections::OfProxy => "the same through a proxy that keeps connections",
            };
            know_all(address).await;
            if let Connections::Own = connections {
                alone(address).await;
            }
            figures::figure("agents", what, &steady(&server, address, connections).await);
        });
        drop(runtime);
        kill(server);
    }
}

/// How laptops come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connections {
    /// Each by its own, from its own address, and again when the server, which has fewer places, has ended it.
    Own,
    /// A proxy uses those it has, and makes another when all are busy.
    OfProxy,
}

/// Connections that are free: a laptop's, or the proxy's.
type Kept = Rc<RefCell<HashMap<Option<usize>, Vec<TcpStream>>>>;

/// All laptops, for some rounds. The server's share of a core is what the system says it had.
async fn steady(server: &Child, address: SocketAddr, connections: Connections) -> String {
    // Made before the clock starts: the laptops' work is not the server's.
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut posts = Vec::with_capacity(LAPTOPS * ROUNDS_OF_ALL);
    for laptop in 0..LAPTOPS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let first = EVERY.mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64);
        posts.extend((0..ROUNDS_OF_ALL).map(|round| {
            let number = LAPTOPS * (FIRST_ROUND + round) + laptop;
            (first + EVERY * round as u32, laptop, post(&report(number)))
        }));
    }
    posts.sort_by_key(|(due, ..)| *due);
    let (kept, count, commits_before) = (Kept::default(), posts.len(), commits(address).await);
    let (before, started) = (cpu(server), Instant::now());
    let mut sent = Vec::with_capacity(count);
    for (due, laptop, post) in posts {
        tokio::time::sleep_until((started + due).into()).await;
        let (kept, whose) = (kept.clone(), (connections == Connections::Own).then_some(laptop));
        sent.push(spawn_local(async move {
            let connected = post_as(address, laptop, whose, &kept, &post).await;
            (started.elapsed().saturating_sub(due), connected)
        }));
    }
    let (mut waits, mut connected) = (Vec::with_capacity(count), 0);
    for sent in sent {
        let (wait, made) = sent.await.expect("it is answered");
        waits.push(wait);
        connected += made;
    }
    let (seconds, used) = (started.elapsed().as_secs_f64(), cpu(server) - before);
    let commits = (commits(address).await - commits_before) as f64;
    waits.sort();
    let [median, late] = [50, 99].map(|percent| waits[count * percent / 100].as_secs_f64() * 1e3);
    format!(
        "{:.0} posts/s, {:.0} % of a core, {:.0} µs a post; {:.0} posts a commit, {connected} connections, \
         answered in {median:.1} ms (99 %: {late:.1})",
        count as f64 / seconds,
        100.0 * used / seconds,
        1e6 * used / count as f64,
        count as f64 / commits,
    )
}

/// Posts until it is answered, and says how many connections that took: one that was kept may have ended meanwhile.
async fn post_as(address: SocketAddr, laptop: usize, whose: Option<usize>, kept: &Kept, post: &[u8]) -> usize {
    let mut connected = 0;
    loop {
        let free = kept.borrow_mut().get_mut(&whose).and_then(Vec::pop).filter(is_open);
        let mut stream = match free {
            Some(stream) => stream,
            None => {
                connected += 1;
                connect(address, laptop).await
            }
        };
        if send(&mut stream, post).await {
            kept.borrow_mut().entry(whose).or_default().push(stream);
            return connected;
        }
    }
}

/// Whether the server has not ended it.
fn is_open(stream: &TcpStream) -> bool {
    stream.try_read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// A connection from a laptop's address: this machine has many.
async fn connect(address: SocketAddr, laptop: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    let [high, low] = (laptop as u16).to_be_bytes();
    socket.bind(SocketAddr::from(([127, 1, high, low], 0))).expect("an address");
    let stream = socket.connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("an option");
    stream
}

/// Whether a post was answered; if not, the connection has ended. All of it is taken, so that the answer has no body.
async fn send(stream: &mut TcpStream, post: &[u8]) -> bool {
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    if stream.write_all(post).await.is_err() {
        return false;
    }
    while !answer.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(n) if n > 0 => answer.extend_from_slice(&buffer[..n]),
            _ => return false,
        }
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    true
}

/// Some laptops report for the first time, so that each post brings a key, a person and a series.
async fn first_reports(address: SocketAddr) {
    let (started, next) = (Instant::now(), Rc::new(Cell::new(0)));
    let senders: Vec<_> = (0..AT_ONCE)
        .map(|sender| {
            let next = next.clone();
            spawn_local(async move {
                let mut stream = connect(address, sender).await;
                while next.get() < NEW {
                    let laptop = next.replace(next.get() + 1);
                    assert!(send(&mut stream, &post(&report(laptop))).await);
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.expect("it is answered");
    }
    let rate = NEW as f64 / started.elapsed().as_secs_f64();
    figures::figure("agents", &format!("laptops never seen before, {AT_ONCE} at once"), &format!("{rate:.0} posts/s"));
}

/// All laptops have reported before. Messages one after the other are one with what is in all.
async fn know_all(address: SocketAddr) {
    let mut stream = connect(address, 0).await;
    for first in (0..LAPTOPS).step_by(TOGETHER) {
        let together = (first..first + TOGETHER).flat_map(|laptop| report(LAPTOPS + laptop)).collect::<Vec<u8>>();
        assert!(send(&mut stream, &post(&together)).await);
    }
}

/// One laptop that waits for each answer.
async fn alone(address: SocketAddr) {
    let mut stream = connect(address, 0).await;
    let mut waits = Vec::with_capacity(ALONE);
    for post in (0..ALONE).map(|laptop| post(&report(2 * LAPTOPS + laptop))) {
        let started = Instant::now();
        assert!(send(&mut stream, &post).await);
        waits.push(started.elapsed());
    }
    waits.sort();
    let [fastest, median] = [0, ALONE / 2].map(|at| waits[at].as_secs_f64() * 1e3);
    let value = format!("{median:.2} ms (fastest {fastest:.2})");
    figures::figure("agents", "a laptop's post, one after the other", &value);
}

/// How often the server has committed.
async fn commits(address: SocketAddr) -> u64 {
    let mut stream = connect(address, 0).await;
    let request = b"GET /metrics HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let commits = answer.lines().find_map(|line| line.strip_prefix("rollcall_commits_total "));
    commits.and_then(|commits| commits.parse().ok()).expect("a number")
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

/// A report of its own for each number; those that differ by the number of laptops are of the same one.
fn report(number: usize) -> Vec<u8> {
    let client = if number.is_multiple_of(2) { Client::Codex } else { Client::ClaudeCode };
    laptop(client, number % LAPTOPS, number)
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
    let nanos = *NOW_NANOS + number as u64;
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
        start_time_unix_nano: *NOW_NANOS + number,
        end_time_unix_nano: *NOW_NANOS + number + 1_000_000,
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
